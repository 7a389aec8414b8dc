# Tables and figures -> the appendix of each edition.

TEX = (".tex", ".sty", ".bib")


def parts(edition):
    """The appendix's sources: what all editions share, and what was written about the results of this one."""
    folders = ("paper", "paper/sections", f"paper/editions/{edition}")
    return sorted(str(path) for folder in folders for path in Path(folder).glob("*.*") if path.suffix in TEX)


for edition in EDITIONS:

    rule:
        """Typeset every table and figure of this edition into one PDF."""
        name:
            f"{edition}_appendix"
        input:
            source="paper/appendix.tex",
            parts=parts(edition),
            tables=typeset(edition, ".csv"),
            artifacts=typeset(edition, ".tex", ".pdf"),
        output:
            pdf=reported(
                f"results/editions/{edition}/appendix.pdf",
                caption="../report/appendix.rst",
                category="Appendix",
                labels={"artifact": "appendix", "shows": "all tables and figures", "benchmark": "all"},
            ),
        log:
            f"results/logs/editions/{edition}/appendix.log",
        localrule: True  # LaTeX was looked for on this machine, and may be on no other
        conda:
            "../../envs/ood.yaml"
        params:
            spec=spec(shown={artifact.id: artifact.shown(running(edition)) for artifact in CATALOGUE}),
            code=code("ood.appendix.paper"),
        shell:
            "python -m ood.appendix.paper --source {input.source} --parts {input.parts} --tables {input.tables}"
            " --artifacts {input.artifacts} --pdf {output.pdf} --spec {params.spec:q} --log {log}"
