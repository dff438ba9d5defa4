"""Stage pre-train: one backbone from another, or from scratch.

IN   results/{run}/data/{dataset}/, results/{run}/checkpoints/{backbone}/ or another backbone
OUT  results/{run}/backbones/{backbone}/seed-{seed}/
"""


rule pretrain_backbone:
    """Pre-train backbone {wildcards.backbone} with seed {wildcards.seed}."""
    input:
        inputs_of("pretrain_backbone"),
    output:
        # Checkpoints lie beside the manifest, undeclared: Snakemake keeps them when a job dies.
        manifest="<results>/{run}/backbones/{backbone}/seed-{seed}/manifest.json",
    log:
        "<results>/{run}/logs/backbones/{backbone}/seed-{seed}.log",
    benchmark:
        "<results>/{run}/benchmarks/backbones/{backbone}/seed-{seed}.tsv"
    priority: 100
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.pretrain.cpus
    resources:
        **resources_of("pretrain"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("pretrain_backbone"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        HF_HUB_OFFLINE=1 python -P -m starbench pretrain \
            --config {params.config:q} \
            --backbone {wildcards.backbone:q} \
            --seed {wildcards.seed} \
            --threads {threads}
        """
