# What all rules share: the checked configuration, and how a rule says what its job depends on.
import json
import shutil
import sys

from snakemake.exceptions import WorkflowError

sys.path.insert(0, workflow.basedir)  # the library `ood` lies beside this workflow

from ood import catalogue, closure, detectors
from ood.config import load
from ood.errors import Problem

shell.prefix("set -euo pipefail; export PYTHONPATH=workflow; ")

try:
    CONFIG, DATASETS = load(config), catalogue.datasets()
except Problem as problem:
    raise WorkflowError(str(problem))

BENCHMARKS = list(CONFIG.benchmarks)


wildcard_constraints:
    benchmark="|".join(BENCHMARKS),
    dataset="|".join(DATASETS),
    detector="|".join(CONFIG.detectors),
    seed=r"\d+",


def spec(**values):
    """A job's parameters, as the JSON that its step gets and its record keeps."""
    return json.dumps(values, sort_keys=True)


def code(*modules):
    """Digest of the code that a job runs: the one thing that makes it stale when a module is edited."""
    return closure.digest(*modules)


def sets(benchmark):
    """The benchmark's datasets, the in-distribution one first."""
    return [CONFIG.benchmarks[benchmark].id, *CONFIG.benchmarks[benchmark].ood]


def seeds(benchmark):
    return CONFIG.benchmarks[benchmark].seeds


def training(wildcards):
    """A training job's parameters."""
    benchmark = CONFIG.benchmarks[wildcards.benchmark]
    options = benchmark.network.model_dump()
    return {
        "seed": int(wildcards.seed),
        "network": options.pop("name"),
        "options": options,
        "size": benchmark.input_size,
        "recipe": CONFIG.recipes[benchmark.recipe].model_dump(),
    }


def consumed(wildcards):
    """The files a detector reads, lists in the order of the benchmark's datasets; what it does not consume is empty."""
    method = detectors.method(wildcards.detector)
    every = sets(wildcards.benchmark)
    run = f"{wildcards.benchmark}/seed{wildcards.seed}"
    network = method.consumes == "network"
    return {
        "indices": expand("results/data/{dataset}/index.parquet", dataset=every),
        "features": [] if network else expand(f"results/features/{run}/{{dataset}}.safetensors", dataset=every),
        "attributions": (
            expand(f"results/attributions/{run}/{{dataset}}.safetensors", dataset=every)
            if method.consumes == "attributions"
            else []
        ),
        "images": expand("results/data/{dataset}/images.npy", dataset=every) if network else [],
        "checkpoint": (
            expand(f"results/checkpoints/{run}/{{file}}", file=["model.safetensors", "card.json"]) if network else []
        ),
        "accepted": f"results/checkpoints/{run}/accepted.json",
    }


def numbers(benchmark):
    """A benchmark's cells, and the admission of every checkpoint that they rest on.

    The admissions are asked for by name: Snakemake does not make a missing file again just because something that was
    made from it, before the accuracy band was changed, is there.
    """
    admitted = f"results/checkpoints/{benchmark}/seed{{seed}}/accepted.json"
    return [f"results/cells/{benchmark}.parquet", *expand(admitted, seed=seeds(benchmark))]


def everything(wildcards):
    """All benchmarks, all notebooks, and the appendix where there is LaTeX (the setup says so if there is none)."""
    appendix = ["results/paper/appendix.pdf"] if shutil.which("latexmk") else []
    return [
        *(path for benchmark in BENCHMARKS for path in numbers(benchmark)),
        *expand("results/notebooks/{paper}.html", paper=PAPERS),
        *appendix,
    ]
