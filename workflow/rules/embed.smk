"""Stage embed: the texts of a dataset, at every layer, from one pass.

IN   results/{run}/models/{track}/{model}/seed-{seed}/, results/{run}/data/{dataset}/
OUT  results/{run}/embeddings/{track}/{model}/seed-{seed}/{dataset}/
"""


rule embed_texts:
    """Embed {wildcards.dataset} with model {wildcards.model}, seed {wildcards.seed}."""
    input:
        model="results/{run}/models/{track}/{model}/seed-{seed}/manifest.json",
        dataset="results/{run}/data/{dataset}/manifest.json",
    output:
        manifest="results/{run}/embeddings/{track}/{model}/seed-{seed}/{dataset}/manifest.json",
    log:
        "results/{run}/logs/embeddings/{track}/{model}/seed-{seed}/{dataset}.log",
    benchmark:
        "results/{run}/benchmarks/embeddings/{track}/{model}/seed-{seed}/{dataset}.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.embed.cpus
    resources:
        mem_mb=CONFIG.compute.embed.memory_mb,
        runtime=CONFIG.compute.embed.runtime_min,
        gpu=CONFIG.compute.embed.gpus,
    params:
        config=CONFIG_FILE,
        reads=embedding_params,
    shell:
        """
        exec &> >(tee {log:q})
        HF_HUB_OFFLINE=1 starbench embed \
            --config {params.config:q} \
            --track {wildcards.track:q} \
            --model {wildcards.model:q} \
            --seed {wildcards.seed} \
            --dataset {wildcards.dataset:q} \
            --threads {threads}
        """
