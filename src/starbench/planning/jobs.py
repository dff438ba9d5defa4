"""The jobs of a run, as the workflow will make them, each with what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starbench.config.config import Config
from starbench.planning import coded, measuring, scoring
from starbench.planning.costs import Cost, Costs
from starbench.run.jobs import FINISHED, Job, JobGraph
from starbench.run.leakage import compared_datasets
from starbench.stages.report.products import figure_names, table_names


@dataclass(frozen=True)
class PlannedJob:
    """One job and its cost."""

    name: str
    """Where its results go, within the run's folder."""
    rule: str
    stage: str
    needs: tuple[str, ...]
    """Names of the jobs that must be done before."""
    cost: Cost


def planned_jobs(config: Config, costs: Costs) -> list[PlannedJob]:
    """Return every job that the report of a run needs, each after those that it needs."""
    needed = JobGraph(config, costs.paths).needed
    names = {job.outputs: _name(job, costs) for job in needed}
    maker = {output: name for outputs, name in names.items() for output in outputs}
    return [
        PlannedJob(
            names[job.outputs],
            job.rule,
            job.stage,
            tuple(dict.fromkeys(maker[file] for file in job.inputs if file in maker)),
            COSTS[job.rule](costs, job),
        )
        for job in needed
    ]


def _name(job: Job, costs: Costs) -> str:
    output = job.outputs[0]
    made = output.parent if output.name == FINISHED else output
    return "report" if made == costs.paths.root else str(made.relative_to(costs.paths.root))


def _embed(costs: Costs, job: Job) -> Cost:
    model = job.model
    return costs.embed(model, costs.own_texts(model.track) if job.shard is None else [job.shard])


def _search(costs: Costs, job: Job) -> Cost:
    assert job.shard is not None
    return scoring.search(costs, job.model, job.shard)


def _leakage(costs: Costs, job: Job) -> Cost:
    return scoring.leakage(costs, compared_datasets(costs.config))


def _report(costs: Costs, job: Job) -> Cost:
    drawn = len(figure_names(costs.config)) + len(table_names(costs.config))
    return scoring.report(costs, drawn)


COSTS: dict[str, Callable[[Costs, Job], Cost]] = {
    "fetch_dataset": lambda costs, job: costs.dataset(job.dataset),
    "fetch_checkpoint": lambda costs, job: costs.checkpoint(job.backbone),
    "find_leakage": _leakage,
    "pretrain_backbone": lambda costs, job: costs.pretrain(job.backbone),
    "finetune_model": lambda costs, job: costs.finetune(job.model),
    "embed_texts": _embed,
    "embed_shard": _embed,
    "search_shard": _search,
    "score_model": lambda costs, job: scoring.score(costs, job.model),
    "score_bits": lambda costs, job: coded.score_bits(costs, job.model),
    "score_asymmetric": lambda costs, job: coded.score_asymmetric(costs, job.model),
    "score_bm25": lambda costs, job: scoring.bm25(costs, job.wildcards["track"]),
    "collect_scores": lambda costs, job: scoring.collect(costs),
    "measure_model": lambda costs, job: measuring.measure(costs, job.model),
    "collect_costs": lambda costs, job: scoring.collect(costs),
    "compare_systems": lambda costs, job: scoring.compare(costs),
    "draw_report": _report,
}
"""What a job of a rule costs."""
