"""Stage fine-tune: an embedding model from a backbone.

IN   results/{run}/backbones/{backbone}/seed-{seed}/ or checkpoints/, results/{run}/data/{dataset}/
OUT  results/{run}/models/{track}/{model}/seed-{seed}/
"""


rule finetune_model:
    """Fine-tune model {wildcards.model} for {wildcards.track} with seed {wildcards.seed}."""
    input:
        inputs_of("finetune_model"),
    output:
        # Checkpoints lie beside the manifest, undeclared: Snakemake keeps them when a job dies.
        manifest="<results>/{run}/models/{track}/{model}/seed-{seed}/manifest.json",
    log:
        "<results>/{run}/logs/models/{track}/{model}/seed-{seed}.log",
    benchmark:
        "<results>/{run}/benchmarks/models/{track}/{model}/seed-{seed}.tsv"
    priority: 10
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.finetune.cpus
    resources:
        **resources_of("finetune"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("finetune_model"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        HF_HUB_OFFLINE=1 python -P -m starbench finetune \
            --config {params.config:q} \
            --track {wildcards.track:q} \
            --model {wildcards.model:q} \
            --seed {wildcards.seed} \
            --threads {threads}
        """
