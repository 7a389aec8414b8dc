# Cells -> tables and figures, by one notebook per paper (and one for the overview), run by papermill.
from ood.artifacts import CATALOGUE, PAPERS, PRINTED

PUBLISHED = sorted(str(path) for path in Path("paper/published").glob("*.csv"))


def settings():
    """What the notebooks must know of the configuration."""
    return {
        "benchmarks": {
            name: {
                "title": benchmark.title,
                "id": benchmark.id,
                "ood": benchmark.ood,
                "seeds": benchmark.seeds,
                "detectors": CONFIG.methods(name),
            }
            for name, benchmark in CONFIG.benchmarks.items()
        },
        "datasets": {name: {"title": dataset.title, "kind": dataset.kind} for name, dataset in DATASETS.items()},
    }


def evidence(paper):
    """Everything that a paper's notebook may read."""
    templates = [template for artifact in CATALOGUE if artifact.paper == paper for template in artifact.reads]
    read = {
        template.format(benchmark=benchmark, seed=seed, dataset=dataset)
        for template in templates
        for benchmark in BENCHMARKS
        for seed in seeds(benchmark)
        for dataset in sets(benchmark)
    }
    return expand(rules.cells.output.cells, benchmark=BENCHMARKS) + sorted(read)


def made(paper, *suffixes):
    """The paths of a paper's artifacts, those with the given suffixes or all, and the benchmark each shows."""
    return {
        f"results/artifacts/{paper}/{file}": (artifact, benchmark)
        for artifact in CATALOGUE
        if artifact.paper == paper
        for file, benchmark in artifact.files(BENCHMARKS).items()
        if not suffixes or file.endswith(suffixes)
    }


def typeset(*suffixes):
    return [path for paper in PAPERS for path in made(paper, *suffixes)]


def reported(paper):
    """A paper's artifacts, those that a browser can show with their place in the HTML report."""
    outputs = []
    for path, (artifact, benchmark) in made(paper).items():
        labels = {
            "artifact": artifact.id,
            "shows": artifact.title,
            "benchmark": PRINTED.get(benchmark, benchmark) or "all",
        }
        caption = f"../report/{artifact.id}.rst"
        shown = path.endswith((".html", ".png"))
        outputs.append(report(path, caption=caption, category=PAPERS[paper], labels=labels) if shown else path)
    return outputs


for paper in PAPERS:

    rule:
        """Run this paper's notebook: all its tables and figures."""
        name:
            paper
        input:
            source=f"notebooks/{paper}.py",
            evidence=evidence(paper),
            published=PUBLISHED,
        output:
            artifacts=reported(paper),
            page=report(
                f"results/notebooks/{paper}.html",
                caption="../report/notebook.rst",
                category=PAPERS[paper],
                labels={"artifact": "notebook", "shows": "the executed notebook", "benchmark": "all"},
            ),
            executed=f"results/notebooks/{paper}.ipynb",
        log:
            f"results/logs/notebooks/{paper}.log",
        conda:
            "../../envs/ood.yaml"
        params:
            spec=spec(settings=settings(), folder=f"results/artifacts/{paper}"),
            code=code("ood.notebook", f"notebooks/{paper}.py"),
        shell:
            "python -m ood.notebook --source {input.source} --evidence {input.evidence}"
            " --published {input.published} --artifacts {output.artifacts} --page {output.page}"
            " --executed {output.executed} --spec {params.spec:q} --log {log}"
