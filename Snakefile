"""Starbench: train and measure elastic text embeddings. Run with: snakemake"""


include: "workflow/Snakefile"


# Snakemake takes no default target from an included file.
rule default:
    """What `snakemake` alone makes: all products of the run."""
    default_target: True
    input:
        rules.all.input,
