"""Stage data: the only rules that touch the network.

IN   a source named in the config
OUT  results/{run}/data/{dataset}/, results/{run}/checkpoints/{backbone}/,
     results/{run}/leakage.csv
"""


localrules:
    fetch_dataset,
    fetch_checkpoint,
    find_leakage,


rule fetch_dataset:
    """Fetch dataset {wildcards.dataset} and keep it normalised."""
    input:
        inputs_of("fetch_dataset"),
    output:
        manifest="<results>/{run}/data/{dataset}/manifest.json",
    log:
        "<results>/{run}/logs/data/{dataset}.log",
    benchmark:
        "<results>/{run}/benchmarks/data/{dataset}.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.data.cpus
    resources:
        **resources_of("data"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("fetch_dataset"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        python -P -m starbench data \
            --config {params.config:q} \
            --dataset {wildcards.dataset:q} \
            --threads {threads}
        """


rule fetch_checkpoint:
    """Fetch the checkpoint that backbone {wildcards.backbone} starts from."""
    output:
        manifest="<results>/{run}/checkpoints/{backbone}/manifest.json",
    log:
        "<results>/{run}/logs/checkpoints/{backbone}.log",
    benchmark:
        "<results>/{run}/benchmarks/checkpoints/{backbone}.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.data.cpus
    resources:
        **resources_of("data"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("fetch_checkpoint"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        python -P -m starbench data \
            --config {params.config:q} \
            --checkpoint {wildcards.backbone:q} \
            --threads {threads}
        """


rule find_leakage:
    """Count the scored pairs and queries that occur in training data."""
    input:
        inputs_of("find_leakage"),
    output:
        "<results>/{run}/leakage.csv",
    log:
        "<results>/{run}/logs/find_leakage.log",
    benchmark:
        "<results>/{run}/benchmarks/find_leakage.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: 1
    resources:
        **resources_of("report"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("find_leakage"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        HF_HUB_OFFLINE=1 python -P -m starbench data --leakage --config {params.config:q} --threads {threads}
        """
