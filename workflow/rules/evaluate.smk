"""Stage evaluate: every size of a model on a dataset, in one job.

IN   results/{run}/embeddings/{track}/{model}/seed-{seed}/{dataset}/, results/{run}/data/{dataset}/
OUT  results/{run}/scores/{track}/{model}/seed-{seed}/{dataset}.csv, results/{run}/scores.csv
"""


localrules:
    collect_scores,


rule score_dataset:
    """Score every size of {wildcards.model}, seed {wildcards.seed}, on {wildcards.dataset}."""
    input:
        embeddings="results/{run}/embeddings/{track}/{model}/seed-{seed}/{dataset}/manifest.json",
        dataset="results/{run}/data/{dataset}/manifest.json",
    output:
        scores="results/{run}/scores/{track}/{model}/seed-{seed}/{dataset}.csv",
    log:
        "results/{run}/logs/scores/{track}/{model}/seed-{seed}/{dataset}.log",
    benchmark:
        "results/{run}/benchmarks/scores/{track}/{model}/seed-{seed}/{dataset}.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.evaluate.cpus
    resources:
        mem_mb=CONFIG.compute.evaluate.memory_mb,
        runtime=CONFIG.compute.evaluate.runtime_min,
    params:
        config=CONFIG_FILE,
        reads=score_params,
    shell:
        """
        exec &> >(tee {log:q})
        HF_HUB_OFFLINE=1 starbench evaluate \
            --config {params.config:q} \
            --track {wildcards.track:q} \
            --model {wildcards.model:q} \
            --seed {wildcards.seed} \
            --dataset {wildcards.dataset:q} \
            --threads {threads}
        """


rule collect_scores:
    """Put the scores of the whole run into one file."""
    input:
        all_parts,
    output:
        scores="results/{run}/scores.csv",
    log:
        "results/{run}/logs/collect_scores.log",
    benchmark:
        "results/{run}/benchmarks/collect_scores.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: 1
    resources:
        mem_mb=CONFIG.compute.report.memory_mb,
        runtime=CONFIG.compute.report.runtime_min,
    params:
        config=CONFIG_FILE,
    shell:
        """
        exec &> >(tee {log:q})
        starbench evaluate --collect --config {params.config:q} --threads {threads}
        """
