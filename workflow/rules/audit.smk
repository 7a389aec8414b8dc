# Tables, the records of all files, what is printed, claimed and said of the methods -> each table with where its numbers
# come from.


def numbered(edition):
    """By benchmark the .csv files that show it, without one those of several benchmarks or of print; what each is of."""
    found = {name: {} for name in ("", *EDITIONS[edition])}
    for paper in PAPERS:
        for path, (artifact, benchmark) in made(edition, paper, ".csv").items():
            found[benchmark if benchmark in EDITIONS[edition] else ""][path] = artifact, benchmark
    return found


def browsed(path, artifact):
    """The page of a table's .csv file; figures have none."""
    return [path.replace(".csv", ".html")] if artifact.kind == "table" else []


def members(edition, benchmark):
    """The benchmarks that lineage pages are about: one, or all of an edition."""
    return [benchmark] if benchmark else EDITIONS[edition]


def worded(edition, benchmark):
    """The detectors of these, as modules: the pages say what their docstrings say."""
    names = {name for member in members(edition, benchmark) for name in CONFIG.methods(member)}
    return [f"ood.detectors.{name}" for name in sorted(names)]


def measured(benchmark):
    """The numbers of a benchmark, and where it is timed its times."""
    times = [rules.timing.output.times] if CONFIG.benchmarks[benchmark].timed else []
    return expand([rules.cells.output.cells, *times], benchmark=benchmark)


def quoted(benchmarks):
    """The cards of these benchmarks' datasets and networks: the pages say what they are, and whose."""
    datasets = sorted({name for benchmark in benchmarks for name in sets(benchmark)})
    networks = [expand(CARDS, benchmark=benchmark, seed=seeds(benchmark)) for benchmark in benchmarks]
    return expand(rules.prepare.output.card, dataset=datasets) + sum(networks, [])


for edition in EDITIONS:
    for benchmark, tables in numbered(edition).items():

        rule:
            """Where every printed number of this benchmark, or of several together, comes from, for a browser."""
            name:
                "_".join(filter(None, (edition, benchmark, "lineage")))
            input:
                tables=list(tables),
                browsed=[page for path, (artifact, _) in tables.items() for page in browsed(path, artifact)],
                cells=[path for member in members(edition, benchmark) for path in measured(member)],
                scores=[
                    f"results/scores/{member}/seed{seed}/{detector}.parquet"
                    for member in members(edition, benchmark)
                    for seed in seeds(member)
                    for detector in CONFIG.methods(member)
                ],
                cards=quoted(members(edition, benchmark)),
                published=PUBLISHED,
                document="paper/claims.yaml",
            output:
                pages=[
                    reported(
                        lineage(path),
                        shows=browsed(path, artifact),
                        caption=f"../report/{artifact.id if artifact.kind == 'table' else 'lineage'}.rst",
                        category=PAPERS[artifact.paper],
                        labels=labels(artifact, of, "" if artifact.kind == "table" else ": numbers"),
                    )
                    for path, (artifact, of) in tables.items()
                ],
            log:
                f"results/logs/editions/{edition}/lineage/{benchmark or 'all'}.log",
            conda:
                "../../envs/ood.yaml"
            params:
                spec=spec(edition=edition),
                code=code("ood.audit.pages", *worded(edition, benchmark)),
            shell:
                "python -m ood.audit.pages --tables {input.tables} --browsed {input.browsed} --cells {input.cells}"
                " --scores {input.scores} --cards {input.cards} --published {input.published} --document {input.document}"
                " --pages {output.pages} --spec {params.spec:q} --log {log}"
