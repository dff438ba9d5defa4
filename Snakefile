"""Starbench: train and measure elastic text embeddings. Run with: snakemake"""


include: "workflow/Snakefile"


rule all:
    """The tables and figures of the run that the config describes."""
    default_target: True
    input:
        products(CONFIG, PATHS),


rule data:
    """Everything that needs the network: run this where there is one, then the rest offline."""
    input:
        fetched_files(),
