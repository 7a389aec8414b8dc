# Cells -> tables and figures, by one notebook per paper (and one for the overview), run by papermill for each edition.
import csv
from functools import cache

from ood.artifacts import CARDS, CATALOGUE, PAPERS, anchors, runs
from ood.claims.papers import PRINTED
from ood.config.methods import described


@cache
def running(edition):
    """The benchmarks of an edition and what each has that an artifact may need."""
    return {
        name: runs(CONFIG.methods(name), about.timed, about.reproduces, signature.saliency(about.network.name))
        for name in EDITIONS[edition]
        for about in [CONFIG.benchmarks[name]]
    }


def settings(edition):
    """What an edition's notebooks must know of the configuration."""
    benchmarks = {name: CONFIG.benchmarks[name] for name in EDITIONS[edition]}
    return {
        "order": EDITIONS[edition],
        "benchmarks": {
            name: benchmark.model_dump(include={"title", "id", "ood", "seeds", "timed", "reproduces"})
            | {
                "averages": benchmark.averaged(),
                "trained": benchmark.recipe is not None,
                "detectors": CONFIG.methods(name),
                "saliency": signature.saliency(benchmark.network.name),
            }
            for name, benchmark in benchmarks.items()
        },
        "datasets": {name: DATASETS[name].title for benchmark in benchmarks for name in sets(benchmark)},
        "methods": described(CONFIG, EDITIONS[edition]),
        "confidence": CONFIG.bootstrap.confidence,
    }


def evidence(edition, paper):
    """Everything that a paper's notebook may read."""
    read = {
        template.format(benchmark=benchmark, seed=seed, dataset=dataset)
        for artifact in CATALOGUE
        if artifact.paper == paper
        for template, benchmark in artifact.sources(running(edition))
        for seed in seeds(benchmark)
        for dataset in sets(benchmark)
    }
    return expand(rules.cells.output.cells, benchmark=EDITIONS[edition]) + sorted(read)


def built(edition, paper):
    """The networks, as modules, whose cards a paper's notebook may read."""
    read = evidence(edition, paper)
    shown = [name for name in EDITIONS[edition] if CARDS.format(benchmark=name, seed=seeds(name)[0]) in read]
    return sorted({f"ood.networks.{CONFIG.benchmarks[name].network.name}" for name in shown})


def made(edition, paper, *suffixes):
    """The paths of a paper's artifacts, those with the given suffixes or all, and the benchmark each shows."""
    return {
        f"results/editions/{edition}/artifacts/{paper}/{file}": (artifact, benchmark)
        for artifact in CATALOGUE
        if artifact.paper == paper
        for file, benchmark in artifact.files(running(edition)).items()
        if not suffixes or file.endswith(suffixes)
    }


def typeset(edition, *suffixes):
    return [path for paper in PAPERS for path in made(edition, paper, *suffixes)]


def lineage(path):
    """The page with what a file of a table or figure shows and where that comes from."""
    return str(Path(path).parents[2] / anchors.page(Path(path).stem))


def labels(artifact, benchmark, what=""):
    """What an artifact, or ``what`` is of it, is listed by in the HTML report."""
    of = PRINTED.get(benchmark, benchmark) or "all"
    return {"artifact": artifact.id, "shows": artifact.title + what, "benchmark": of}


def shown(edition, paper):
    """A paper's artifacts, those that a browser can show with their place in the HTML report.

    A table stands there with its lineage (audit.smk), alone only while that is not made.
    """
    outputs = []
    for path, (artifact, benchmark) in made(edition, paper).items():
        caption = f"../report/{artifact.id}.rst"
        if path.endswith(".png") or (path.endswith(".html") and not there(lineage(path), path)):
            path = reported(path, caption=caption, category=PAPERS[paper], labels=labels(artifact, benchmark))
        outputs.append(path)
    return outputs


def counted(edition):
    """How many of each paper's claims came out how, to open the HTML report: heads, then rows; before that nothing."""
    table = Path(f"results/editions/{edition}/artifacts/overview/CLAIMS.csv")
    if not table.exists():
        return []
    with table.open(newline="") as file:
        lines = {(line["row"], line["column"]): line for line in csv.DictReader(file)}

    def said(paper, benchmark, column):
        return lines.get((paper, benchmark), {}).get(column, "not made")

    benchmarks = EDITIONS[edition]
    papers = dict.fromkeys(claim.paper for claim in CLAIMS.checked())
    return [
        ["paper", "printed", *(CONFIG.benchmarks[name].title for name in benchmarks)],
        *(
            [paper, said(paper, benchmarks[0], "printed"), *(said(paper, name, "ours") for name in benchmarks)]
            for paper in papers
        ),
    ]


if REPORTED:
    config["counts"] = counted(REPORTED)

for edition in EDITIONS:
    for paper in PAPERS:

        rule:
            """Run this paper's notebook on this edition's benchmarks: all its tables and figures."""
            name:
                f"{edition}_{paper}"
            input:
                source=f"notebooks/{paper}.py",
                evidence=evidence(edition, paper),
                published=PUBLISHED,
            output:
                artifacts=shown(edition, paper),
                page=reported(
                    f"results/editions/{edition}/notebooks/{paper}.html",
                    caption="../report/notebook.rst",
                    category=PAPERS[paper],
                    labels={"artifact": "notebook", "shows": "the executed notebook", "benchmark": "all"},
                ),
                executed=f"results/editions/{edition}/notebooks/{paper}.ipynb",
            log:
                f"results/logs/editions/{edition}/notebooks/{paper}.log",
            conda:
                "../../envs/ood.yaml"
            params:
                spec=spec(
                    settings=settings(edition),
                    folder=f"results/editions/{edition}/artifacts/{paper}",
                    failed=f"results/logs/editions/{edition}/notebooks/{paper}.failed.ipynb",
                ),
                code=code("ood.appendix.notebook", f"notebooks/{paper}.py", *built(edition, paper)),
            shell:
                "python -m ood.appendix.notebook --source {input.source} --evidence {input.evidence}"
                " --published {input.published} --artifacts {output.artifacts} --page {output.page}"
                " --executed {output.executed} --spec {params.spec:q} --log {log}"
