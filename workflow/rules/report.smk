"""Stage report: tables, figures and a summary of the run's scores.

IN   results/{run}/scores.csv, results/{run}/significance.csv, results/{run}/leakage.csv
OUT  results/{run}/tables/, results/{run}/figures/, results/{run}/manifest.json,
     results/{run}/summary.md, results/{run}/summary.html
"""


localrules:
    draw_report,


rule draw_report:
    """Draw every table and figure of the run, and sum it up."""
    input:
        inputs_of("draw_report"),
    output:
        manifest="<results>/{run}/manifest.json",
        summary="<results>/{run}/summary.md",
        page=report(
            "<results>/{run}/summary.html",
            caption="../report/summary.rst",
            category="Summary",
            labels={"page": "summary: read this first"},
        ),
        # The HTML report shows one format of each; the others are for papers.
        tables=[
            report(
                f"<results>/{{run}}/tables/{name}",
                caption="../report/table.rst",
                category="Tables",
                labels={"table": name.split(".")[0].replace("_", " ")},
            )
            for name in table_names(CONFIG, ["csv"])
        ],
        figures=[
            report(
                f"<results>/{{run}}/figures/{name}.png",
                caption="../report/figure.rst",
                category="Figures",
                labels=labels,
            )
            for name, labels in figure_labels(CONFIG).items()
        ],
        papers=[
            *(
                f"<results>/{{run}}/tables/{name}"
                for name in table_names(CONFIG, ["md", "tex"])
            ),
            *(
                f"<results>/{{run}}/figures/{name}"
                for name in figure_names(CONFIG, ["pdf"])
            ),
        ],
    log:
        "<results>/{run}/logs/draw_report.log",
    benchmark:
        "<results>/{run}/benchmarks/draw_report.tsv"
    conda:
        "../../envs/starbench.yaml"
    threads: CONFIG.compute.report.cpus
    resources:
        **resources_of("report"),
    params:
        config=CONFIG_FILE,
        reads=report_reads(CONFIG),
    shell:
        """
        exec &> >(
            trap '' HUP INT TERM
            exec tee {log:q}
        )
        python -P -m starbench report --config {params.config:q} --threads {threads}
        """
