"""Stage measure: what every size of a model costs on the machine at hand.

IN   results/{run}/models/{track}/{model}/seed-{seed}/, results/{run}/data/{dataset}/,
     results/{run}/embeddings/{track}/{model}/seed-{seed}/ where passages are searched
OUT  results/{run}/costs/{track}/{model}/seed-{seed}/, results/{run}/costs.csv
"""


localrules:
    collect_costs,


# A job that runs beside others measures these too: on one machine it takes all cores, of which it
# uses as many as the config's `measure.threads`. A job of a cluster has its cores to itself.
MEASURING_CORES = (
    CONFIG.compute.measure.cpus if workflow.non_local_exec else workflow.cores
) or 1


rule measure_model:
    """Measure what every size of {wildcards.model}, seed {wildcards.seed}, costs here."""
    input:
        inputs_of("measure_model"),
    output:
        manifest="<results>/{run}/costs/{track}/{model}/seed-{seed}/manifest.json",
    log:
        "<results>/{run}/logs/costs/{track}/{model}/seed-{seed}.log",
    benchmark:
        "<results>/{run}/benchmarks/costs/{track}/{model}/seed-{seed}.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: MEASURING_CORES
    resources:
        **resources_of("measure"),
    params:
        config=CONFIG_FILE,
        reads=reads_of("measure_model"),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        HF_HUB_OFFLINE=1 python -P -m starbench measure model \
            --config {params.config:q} \
            --track {wildcards.track:q} \
            --model {wildcards.model:q} \
            --seed {wildcards.seed}
        """


rule collect_costs:
    """Put the costs of all measured models into one file."""
    input:
        inputs_of("collect_costs"),
    output:
        "<results>/{run}/costs.csv",
    log:
        "<results>/{run}/logs/collect_costs.log",
    benchmark:
        "<results>/{run}/benchmarks/collect_costs.tsv"
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
        python -P -m starbench measure collect --config {params.config:q}
        """
