"""Stage export: one size of a model as a small model of its own, for other programs.

IN   results/{run}/models/{track}/{model}/seed-{seed}/, results/{run}/data/{dataset}/,
     results/{run}/scores.csv
OUT  results/{run}/exports/{track}/{model}/seed-{seed}/{size}/
"""


rule export_model:
    """Export size {wildcards.size} of {wildcards.model}, seed {wildcards.seed}."""
    input:
        inputs_of("export_model"),
    output:
        manifest="<results>/{run}/exports/{track}/{model}/seed-{seed}/{size}/manifest.json",
    log:
        "<results>/{run}/logs/exports/{track}/{model}/seed-{seed}/{size}.log",
    benchmark:
        "<results>/{run}/benchmarks/exports/{track}/{model}/seed-{seed}/{size}.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.export.cpus
    resources:
        **resources_of("export"),
    params:
        config=CONFIG_FILE,
        system=lambda wildcards: JOBS.job("export_model", wildcards).model.system,
        reads=reads_of("export_model"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        HF_HUB_OFFLINE=1 python -P -m starbench export \
            --config {params.config:q} \
            --track {wildcards.track:q} \
            --system {params.system:q} \
            --seed {wildcards.seed} \
            --size {wildcards.size} \
            --threads {threads}
        """
