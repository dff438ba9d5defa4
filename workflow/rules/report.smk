"""Stage report: tables and figures, functions of scores.csv alone.

IN   results/{run}/scores.csv
OUT  results/{run}/tables/, results/{run}/figures/
"""


localrules:
    draw_report,


rule draw_report:
    """Draw every table and figure of the run."""
    input:
        scores="results/{run}/scores.csv",
        adaptive=collected_adaptive,
    output:
        # The HTML report shows one format of each; the others are for papers.
        tables=[
            report(
                f"results/{{run}}/tables/{name}",
                caption="../report/table.rst",
                category="Tables",
                labels={"table": name.split(".")[0].replace("_", " ")},
            )
            for name in table_names(CONFIG, ["csv"])
        ],
        figures=[
            report(
                f"results/{{run}}/figures/{name}",
                caption="../report/figure.rst",
                category="Figures",
                labels=figure_labels(CONFIG, name),
            )
            for name in figure_names(CONFIG, ["png"])
        ],
        papers=[
            *(
                f"results/{{run}}/tables/{name}"
                for name in table_names(CONFIG, ["md", "tex"])
            ),
            *(
                f"results/{{run}}/figures/{name}"
                for name in figure_names(CONFIG, ["pdf"])
            ),
        ],
    log:
        "results/{run}/logs/draw_report.log",
    benchmark:
        "results/{run}/benchmarks/draw_report.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.report.cpus
    resources:
        mem_mb=CONFIG.compute.report.memory_mb,
        runtime=CONFIG.compute.report.runtime_min,
    params:
        config=CONFIG_FILE,
        reads=report_params,
    shell:
        """
        exec &> >(tee {log:q})
        starbench report --config {params.config:q} --threads {threads}
        """
