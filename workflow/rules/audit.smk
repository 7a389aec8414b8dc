# Tables and the records of all files -> each table with where its numbers come from, page by page.


def paged(edition):
    """The artifacts of an edition whose cells have a page."""
    return [one for one in CATALOGUE if "csv" in one.suffixes and one.files(running(edition))]


def tables_of(edition, artifact):
    """The pages of an artifact's tables."""
    return [path for path, (one, _) in made(edition, artifact.paper, ".html").items() if one == artifact]


for edition in EDITIONS:

    rule:
        """Where every printed number of this edition comes from, for a browser."""
        name:
            f"{edition}_lineage"
        input:
            tables=typeset(edition, ".csv"),
            browsed=typeset(edition, ".html"),
            cells=expand(rules.cells.output.cells, benchmark=EDITIONS[edition]),
            scores=[
                f"results/scores/{benchmark}/seed{seed}/{detector}.parquet"
                for benchmark in EDITIONS[edition]
                for seed in seeds(benchmark)
                for detector in CONFIG.methods(benchmark)
            ],
        output:
            pages=[
                reported(
                    f"results/editions/{edition}/lineage/{artifact.id}.html",
                    shows=tables_of(edition, artifact),
                    caption=f"../report/{artifact.id if artifact.kind == 'table' else 'lineage'}.rst",
                    category=PAPERS[artifact.paper],
                    labels={"artifact": artifact.id, "shows": artifact.title, "benchmark": "all"},
                )
                for artifact in paged(edition)
            ],
        log:
            f"results/logs/editions/{edition}/lineage.log",
        conda:
            "../../envs/ood.yaml"
        params:
            spec=spec(edition=edition),
            code=code("ood.audit.pages"),
        shell:
            "python -m ood.audit.pages --tables {input.tables} --browsed {input.browsed} --cells {input.cells} --scores {input.scores}"
            " --pages {output.pages} --spec {params.spec:q} --log {log}"
