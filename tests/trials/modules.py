"""What the processes that fork commands import beforehand."""

QUICK = (
    "starbench.cli",
    "starbench.config.reading",
    "starbench.run.models",
    "starbench.planning.command",
    "starbench.planning.plan",
    "starbench.machine.progress",
)
STAGES = (
    *QUICK,
    "starbench.stages.data.fetch",
    "starbench.stages.data.leakage",
    "starbench.stages.pretrain.run",
    "starbench.stages.finetune.run",
    "starbench.stages.embed.run",
    "starbench.stages.embed.layered_encoder",
    "starbench.stages.evaluate.sts",
    "starbench.stages.evaluate.retrieval",
    "starbench.stages.evaluate.shards",
    "starbench.stages.evaluate.bm25",
    "starbench.stages.evaluate.collect",
    "starbench.stages.evaluate.differences",
    "starbench.stages.report.run",
    "starbench.stages.report.figures.all",
    "transformers.models.bert.modeling_bert",
    "scipy.stats",
    "bm25s",
)
WORKFLOW = (
    *QUICK,
    "snakemake.cli",
    "snakemake.api",
    "snakemake.workflow",
    "starbench.run.effective",
    "starbench.run.fetched",
    "starbench.run.leakage",
    "starbench.stages.data.origins",
    "starbench.stages.report.products",
)
FETCHING = (
    *QUICK,
    "datasets",
    "huggingface_hub",
    "starbench.stages.data.fetch",
    "starbench.stages.data.pinning",
    "starbench.stages.data.checkpoints",
    "transformers.models.bert.modeling_bert",
)
