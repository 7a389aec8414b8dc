# Tables and figures -> the appendix.


rule appendix:
    """Typeset every table and figure into one PDF."""
    input:
        source="paper/appendix.tex",
        parts=sorted(str(path) for path in Path("paper").rglob("*") if path.suffix in (".tex", ".sty", ".bib")),
        tables=typeset(".csv"),
        artifacts=typeset(".tex", ".pdf"),
    output:
        pdf=report(
            "results/paper/appendix.pdf",
            caption="../report/appendix.rst",
            category="Appendix",
            labels={"artifact": "appendix", "shows": "all tables and figures", "benchmark": "all"},
        ),
    log:
        "results/logs/paper/appendix.log",
    conda:
        "../../envs/ood.yaml"
    params:
        spec=spec(benchmarks=BENCHMARKS),
        code=code("ood.paper"),
    shell:
        "python -m ood.paper --source {input.source} --parts {input.parts} --tables {input.tables}"
        " --artifacts {input.artifacts} --pdf {output.pdf} --spec {params.spec:q} --log {log}"
