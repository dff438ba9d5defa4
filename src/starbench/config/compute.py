"""The config's `compute`: what one job of each stage may use of a machine or cluster."""

from __future__ import annotations

from pydantic import Field

from starbench.section import Section


class Compute(Section):
    """What one job of a stage may use; changing it reruns nothing."""

    cpus: int = Field(default=1, ge=1, description="Processor threads of one job.")
    memory_mb: int = Field(default=4000, ge=100, description="Memory of one job, in MB.")
    max_memory_mb: int | None = Field(
        default=None,
        ge=100,
        description="Upper limit of what a retried job asks for, in MB.",
    )
    runtime_min: int = Field(default=60, ge=1, description="Longest run time, in minutes.")
    max_runtime_min: int | None = Field(
        default=None,
        ge=1,
        description="Upper limit of what a retried job asks for, in minutes (the partition's).",
    )
    gpus: int = Field(default=0, ge=0, le=1, description="GPUs of one job.")
    partition: str | None = Field(default=None, description="Slurm: partition of the jobs.")
    account: str | None = Field(default=None, description="Slurm: account of the jobs.")
    constraint: str | None = Field(
        default=None, description="Slurm: features that a node must have, e.g. `a100|h100`."
    )

    def memory_of(self, attempt: int) -> int:
        """Return the memory in MB that a job asks for when it is tried the `attempt`-th time."""
        asked = attempt * self.memory_mb
        return min(asked, self.max_memory_mb or asked)

    def runtime_of(self, attempt: int) -> int:
        """Return the minutes that a job asks for when it is tried the `attempt`-th time."""
        asked = attempt * self.runtime_min
        return min(asked, self.max_runtime_min or asked)

    def slurm_resources(self, gres: str | None) -> dict[str, int | str]:
        """Return GPUs, partition and the like by the names of Snakemake's Slurm plugin.

        GPUs are asked for by `--gpus`, or by `--gres` if the config names one.
        """
        asked: dict[str, int | str] = {"gpu": self.gpus}
        if gres is not None and self.gpus:
            asked = {"gres": f"{gres}:{self.gpus}"}
        if self.gpus > 1:
            # One task, on one node, starts a process for each GPU by itself (torchrun).
            asked |= {"tasks_per_gpu": 0, "nodes": 1}
        named = {
            "slurm_partition": self.partition,
            "slurm_account": self.account,
            "constraint": self.constraint,
        }
        return asked | {name: value for name, value in named.items() if value}


class TrainingCompute(Compute):
    """What one job of pre-training or fine-tuning may use."""

    gpus: int = Field(
        default=0, ge=0, description="GPUs of one job; several share each batch (torchrun)."
    )


class EmbeddingCompute(Compute):
    """What one job of embedding may use."""

    scratch: str | None = Field(
        default=None,
        description="Folder of the node's own disk, e.g. `$TMPDIR` (the variables are the node's), "
        "where embeddings are written before they are moved to the results.",
    )


class ComputeStages(Section):
    """Resources by stage."""

    gres: str | None = Field(
        default=None,
        pattern=r"^\w+(:[\w.]+)?$",
        description="Slurm: ask for GPUs by `--gres=<this>:<gpus>`, e.g. `gpu` or `gpu:a100`; "
        "by `--gpus=<gpus>` if not given.",
    )
    data: Compute = Field(default=Compute(), description="Fetching and normalising data.")
    pretrain: TrainingCompute = Field(default=TrainingCompute(cpus=2), description="Pre-training.")
    finetune: TrainingCompute = Field(default=TrainingCompute(), description="Fine-tuning.")
    embed: EmbeddingCompute = Field(default=EmbeddingCompute(), description="Embedding.")
    evaluate: Compute = Field(default=Compute(), description="Scoring.")
    measure: Compute = Field(
        default=Compute(),
        description="Measuring what sizes cost. On one machine such a job has all cores to itself.",
    )
    report: Compute = Field(default=Compute(), description="Tables and figures.")
    export: Compute = Field(default=Compute(), description="Small models of single sizes.")

    @property
    def most_gpus(self) -> int:
        """The GPUs of the job that asks for most."""
        stages = [getattr(self, name) for name in type(self).model_fields]
        return max(stage.gpus for stage in stages if isinstance(stage, Compute))
