"""Stage embed: the texts that a model is scored on, at every layer, from one pass.

IN   results/{run}/models/{track}/{model}/seed-{seed}/, results/{run}/data/{dataset}/
OUT  results/{run}/embeddings/{track}/{model}/seed-{seed}/{dataset}/
"""


rule embed_texts:
    """Embed what {wildcards.model}, seed {wildcards.seed}, is scored on for {wildcards.track}."""
    input:
        inputs_of("embed_texts"),
    output:
        # Each dataset has a manifest of its own, undeclared: what is embedded stays embedded.
        manifest="<results>/{run}/embeddings/{track}/{model}/seed-{seed}/manifest.json",
    log:
        "<results>/{run}/logs/embeddings/{track}/{model}/seed-{seed}.log",
    benchmark:
        "<results>/{run}/benchmarks/embeddings/{track}/{model}/seed-{seed}.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.embed.cpus
    resources:
        **resources_of("embed"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("embed_texts"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        HF_HUB_OFFLINE=1 python -P -m starbench embed \
            --config {params.config:q} \
            --track {wildcards.track:q} \
            --model {wildcards.model:q} \
            --seed {wildcards.seed} \
            --threads {threads}
        """


rule embed_shard:
    """Embed shard {wildcards.shard} of {wildcards.dataset} with {wildcards.model}."""
    input:
        inputs_of("embed_shard"),
    output:
        manifest=(
            "<results>/{run}/embeddings/{track}/{model}/seed-{seed}/{dataset}/"
            "passages-{shard}/manifest.json"
        ),
    log:
        "<results>/{run}/logs/embeddings/{track}/{model}/seed-{seed}/{dataset}-{shard}.log",
    benchmark:
        "<results>/{run}/benchmarks/embeddings/{track}/{model}/seed-{seed}/{dataset}-{shard}.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.embed.cpus
    resources:
        **resources_of("embed"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("embed_shard"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        HF_HUB_OFFLINE=1 python -P -m starbench embed \
            --config {params.config:q} \
            --track {wildcards.track:q} \
            --model {wildcards.model:q} \
            --seed {wildcards.seed} \
            --dataset {wildcards.dataset:q} \
            --shard {wildcards.shard} \
            --threads {threads}
        """
