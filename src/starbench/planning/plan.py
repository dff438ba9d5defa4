"""The plan of a run: per stage and in total jobs, hours, wall time, memory and disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starbench.config.config import Config
from starbench.errors import InputError, did_you_mean
from starbench.planning.costs import Costs
from starbench.planning.datasets import Stated
from starbench.planning.devices import Device
from starbench.planning.jobs import PlannedJob, planned_jobs
from starbench.planning.schedule import busy_seconds, schedule
from starbench.run.jobs import STAGES
from starbench.run.paths import RunPaths


@dataclass(frozen=True)
class Row:
    """One stage of a plan, or all of them together."""

    stage: str
    jobs: int
    device_seconds: float
    """Seconds times the GPUs or cores that are held."""
    wall_seconds: float
    """How long at least one job runs."""
    memory: float
    """Bytes of a GPU at most."""
    stored: float
    """Bytes on disk that stay."""
    passing: float
    """Bytes on disk besides, while jobs run."""


@dataclass(frozen=True)
class Plan:
    """What a run takes on a number of devices."""

    run: str
    device: Device
    units: int
    """GPUs, or cores of a processor."""
    rows: list[Row]
    total: Row
    jobs: list[PlannedJob]
    origins: dict[str, str]
    """Where the size of each dataset is from."""
    asked: int
    """GPUs that the config asks for in its largest job."""
    assumed: dict[str, str]
    """Backbone whose checkpoint is not there yet -> the checkpoint whose shape it is given."""

    @property
    def disk(self) -> float:
        """Bytes on disk at most."""
        return self.total.stored + self.total.passing


def make_plan(
    config: Config, paths: RunPaths, device: Device, units: int | None, stated: Stated
) -> Plan:
    """Return the plan of a run on so many GPUs or cores (None: all that one of its jobs asks for).

    Raises InputError for a dataset or checkpoint of unknown size, or a name that the run has not.
    """
    for name in stated:
        if name not in config.datasets:
            hint = did_you_mean(name, config.datasets)
            raise InputError(f"--records: the config has no dataset '{name}'{hint}")
        if stated[name][1] is not None and config.datasets[name].kind != "collection":
            raise InputError(
                f"--records {name}={stated[name][0]}/{stated[name][1]}: dataset '{name}' is not a "
                f"collection, it has no queries: write {name}={stated[name][0]}"
            )
    count = units or _default_units(config, device)
    costs = Costs(config, paths, device, stated, count)
    jobs = planned_jobs(config, costs)
    times = schedule(jobs, count)
    by_stage = {stage: [job for job in jobs if job.stage == stage] for stage in STAGES}
    rows = [_row(stage, found, times, count) for stage, found in by_stage.items() if found]
    total = _row("total", jobs, times, count)
    origins = costs.origins()
    asked, assumed = config.compute.most_gpus, costs.assumed_shapes()
    return Plan(config.run, device, count, rows, total, jobs, origins, asked, assumed)


def _default_units(config: Config, device: Device) -> int:
    if device.kind == "cpu":
        return device.cores
    return max(1, config.compute.most_gpus)


def _row(
    stage: str, jobs: Sequence[PlannedJob], times: dict[str, tuple[float, float]], units: int
) -> Row:
    passing = sorted((job.cost.passing for job in jobs), reverse=True)
    return Row(
        stage,
        len(jobs),
        sum(job.cost.seconds * job.cost.units for job in jobs),
        busy_seconds([times[job.name] for job in jobs]),
        max((job.cost.memory for job in jobs), default=0.0),
        sum(job.cost.stored for job in jobs),
        sum(passing[:units]),
    )


def check_limits(plan: Plan, disk: float | None, memory: float | None) -> None:
    """Raise InputError for a plan that needs more disk or GPU memory (bytes) than there is."""
    if disk is not None and plan.disk > disk:
        largest = max(plan.rows, key=lambda row: row.stored + row.passing)
        raise InputError(
            f"the plan needs {in_bytes(plan.disk)} of disk, there are {in_bytes(disk)}; "
            f"most of it is stage {largest.stage}: {in_bytes(largest.stored + largest.passing)}"
        )
    if memory is not None and plan.total.memory > memory:
        largest = max(plan.rows, key=lambda row: row.memory)
        raise InputError(
            f"stage {largest.stage} needs {in_bytes(largest.memory)} of GPU memory, there are "
            f"{in_bytes(memory)}: raise accumulation, or set mini_batch_size, "
            "gradient_checkpointing or tokens_per_batch"
        )


def in_bytes(count: float) -> str:
    """Return bytes as people read them, in powers of 1000: ``1.2 TB``."""
    value = count / 1e6
    for unit in ("MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            return f"{value:.0f} {unit}" if value >= 9.95 else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def in_time(seconds: float) -> str:
    """Return seconds as people read them: ``1.5 h``, ``12 min``."""
    if seconds >= 3600:
        hours = seconds / 3600
        return f"{hours:.0f} h" if hours >= 9.95 else f"{hours:.1f} h"
    if seconds >= 60:
        minutes = seconds / 60
        return f"{minutes:.0f} min" if minutes >= 9.95 else f"{minutes:.1f} min"
    return f"{seconds:.0f} s"
