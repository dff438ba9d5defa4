"""Stage evaluate: every size of a model on every dataset of its track, in one job.

IN   results/{run}/embeddings/{track}/{model}/seed-{seed}/, results/{run}/data/{dataset}/
OUT  results/{run}/searches/{track}/{model}/seed-{seed}/{dataset}/passages-{shard}/,
     results/{run}/scores/{track}/{model}/seed-{seed}/{dataset}/,
     results/{run}/bits/{track}/{model}/seed-{seed}/{dataset}/,
     results/{run}/asymmetric/{track}/{model}/seed-{seed}/{dataset}/, results/{run}/scores.csv,
     results/{run}/significance.csv
"""


localrules:
    collect_scores,


rule search_shard:
    """Search shard {wildcards.shard} of {wildcards.dataset} with {wildcards.model}, every size."""
    input:
        inputs_of("search_shard"),
    output:
        manifest=(
            "<results>/{run}/searches/{track}/{model}/seed-{seed}/{dataset}/"
            "passages-{shard}/manifest.json"
        ),
    log:
        "<results>/{run}/logs/searches/{track}/{model}/seed-{seed}/{dataset}-{shard}.log",
    benchmark:
        "<results>/{run}/benchmarks/searches/{track}/{model}/seed-{seed}/{dataset}-{shard}.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.evaluate.cpus
    resources:
        **resources_of("evaluate"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("search_shard"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        HF_HUB_OFFLINE=1 python -P -m starbench evaluate shard \
            --config {params.config:q} \
            --track {wildcards.track:q} \
            --model {wildcards.model:q} \
            --seed {wildcards.seed} \
            --dataset {wildcards.dataset:q} \
            --shard {wildcards.shard} \
            --threads {threads}
        """


rule score_model:
    """Score every size of {wildcards.model}, seed {wildcards.seed}, for {wildcards.track}."""
    input:
        inputs_of("score_model"),
    output:
        # Each dataset has a manifest of its own, undeclared: what is scored stays scored.
        manifest="<results>/{run}/scores/{track}/{model}/seed-{seed}/manifest.json",
    log:
        "<results>/{run}/logs/scores/{track}/{model}/seed-{seed}.log",
    benchmark:
        "<results>/{run}/benchmarks/scores/{track}/{model}/seed-{seed}.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.evaluate.cpus
    resources:
        **resources_of("evaluate"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("score_model"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        HF_HUB_OFFLINE=1 python -P -m starbench evaluate model \
            --config {params.config:q} \
            --track {wildcards.track:q} \
            --model {wildcards.model:q} \
            --seed {wildcards.seed} \
            --threads {threads}
        """


rule score_bits:
    """Score {wildcards.model}, seed {wildcards.seed}, with fewer bits a number."""
    input:
        inputs_of("score_bits"),
    output:
        # Each dataset has a manifest of its own, undeclared: what is scored stays scored.
        manifest="<results>/{run}/bits/{track}/{model}/seed-{seed}/manifest.json",
    log:
        "<results>/{run}/logs/bits/{track}/{model}/seed-{seed}.log",
    benchmark:
        "<results>/{run}/benchmarks/bits/{track}/{model}/seed-{seed}.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.evaluate.cpus
    resources:
        **resources_of("evaluate"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("score_bits"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        HF_HUB_OFFLINE=1 python -P -m starbench evaluate bits \
            --config {params.config:q} \
            --track {wildcards.track:q} \
            --model {wildcards.model:q} \
            --seed {wildcards.seed} \
            --threads {threads}
        """


rule score_asymmetric:
    """Search with queries of other layers than the passages, {wildcards.model}."""
    input:
        inputs_of("score_asymmetric"),
    output:
        # Each dataset has a manifest of its own, undeclared: what is scored stays scored.
        manifest="<results>/{run}/asymmetric/{track}/{model}/seed-{seed}/manifest.json",
    log:
        "<results>/{run}/logs/asymmetric/{track}/{model}/seed-{seed}.log",
    benchmark:
        "<results>/{run}/benchmarks/asymmetric/{track}/{model}/seed-{seed}.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.evaluate.cpus
    resources:
        **resources_of("evaluate"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("score_asymmetric"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        HF_HUB_OFFLINE=1 python -P -m starbench evaluate asymmetric \
            --config {params.config:q} \
            --track {wildcards.track:q} \
            --model {wildcards.model:q} \
            --seed {wildcards.seed} \
            --threads {threads}
        """


rule score_bm25:
    """Score BM25 on every collection of {wildcards.track}, as the floor."""
    input:
        inputs_of("score_bm25"),
    output:
        manifest="<results>/{run}/scores/{track}/bm25/manifest.json",
    log:
        "<results>/{run}/logs/scores/{track}/bm25.log",
    benchmark:
        "<results>/{run}/benchmarks/scores/{track}/bm25.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.evaluate.cpus
    resources:
        **resources_of("evaluate"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("score_bm25"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        HF_HUB_OFFLINE=1 python -P -m starbench evaluate bm25 \
            --config {params.config:q} --track {wildcards.track:q} --threads {threads}
        """


rule collect_scores:
    """Put the scores of the whole run into one file."""
    input:
        inputs_of("collect_scores"),
    output:
        scores="<results>/{run}/scores.csv",
        adaptive=branch(
            CONFIG.tries_adaptive, then="<results>/{run}/adaptive.csv", otherwise=[]
        ),
        exits=branch(
            CONFIG.tries_exits,
            then="<results>/{run}/adaptive_classification.csv",
            otherwise=[],
        ),
        asymmetric=branch(
            CONFIG.tries_asymmetric,
            then="<results>/{run}/asymmetric.csv",
            otherwise=[],
        ),
    log:
        "<results>/{run}/logs/collect_scores.log",
    benchmark:
        "<results>/{run}/benchmarks/collect_scores.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: 1
    resources:
        **resources_of("report"),
    params:
        config=CONFIG_FILE,
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        python -P -m starbench evaluate collect --config {params.config:q} --threads {threads}
        """


rule compare_systems:
    """Test which systems, and which sizes of one system, differ."""
    input:
        inputs_of("compare_systems"),
    output:
        "<results>/{run}/significance.csv",
    log:
        "<results>/{run}/logs/compare_systems.log",
    benchmark:
        "<results>/{run}/benchmarks/compare_systems.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.evaluate.cpus
    resources:
        **resources_of("evaluate"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("compare_systems"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        HF_HUB_OFFLINE=1 python -P -m starbench evaluate compare \
            --config {params.config:q} --threads {threads}
        """
