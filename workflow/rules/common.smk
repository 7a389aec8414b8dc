# What all rules share: the checked configuration, and how a rule says what its job depends on.
import json
import os
import re
import shutil
import sys

from snakemake.exceptions import WorkflowError

sys.path.insert(0, workflow.basedir)  # the library `ood` lies beside this workflow

from ood import closure, detectors
from ood.claims import claims
from ood.config import load, signature
from ood.data import catalogue
from ood.errors import Problem
from ood.jobs import failures, head
from ood.once import once

shell.prefix("set -euo pipefail; export PYTHONPATH=workflow; ")

try:  # of files that the command names Snakemake has read the text by now; of config.yaml it would not say the line
    for file in map(Path, [*workflow.configfiles, "config.yaml"]):
        once(file)
except Problem as problem:
    raise WorkflowError(str(problem))


configfile: "config.yaml"


try:
    CONFIG, DATASETS, FILES = load(config), catalogue.datasets(), catalogue.files()
    CLAIMS = claims.load(Path("paper/claims.yaml"))
    # A job's own process may be on a node that does not have that folder.
    MIRROR = catalogue.mirror_of(CONFIG.mirror, must_exist=workflow.is_main_process)
except Problem as problem:
    raise WorkflowError(str(problem))

BENCHMARKS = list(CONFIG.benchmarks)
TRAINED = [name for name, benchmark in CONFIG.benchmarks.items() if benchmark.recipe]
ADOPTED = [name for name, benchmark in CONFIG.benchmarks.items() if benchmark.weights]
EDITIONS = CONFIG.editions
PUBLISHED = sorted(str(path) for path in Path("paper/published").glob("*.csv"))
RUN_NETWORKS = [name for name in CONFIG.detectors if detectors.method(name).consumes == "network"]
REPORTED = os.environ.get("OOD_EDITION", "")  # the edition of which an HTML report is made, if one is
OPENED = 1_500_000  # bytes: in base64 what Chromium opens of a page inside a report of one file, 2 MiB
# The fetching step reads it there: a file is the same wherever it comes from, and of alternatives the fetched one comes
# first, so another mirror makes nothing stale.
os.environ[catalogue.VARIABLE] = MIRROR
PRESENT = catalogue.present(MIRROR)


def any_of(names):
    """A pattern that matches exactly these names; with none of them, nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    benchmark=any_of(BENCHMARKS),
    dataset=any_of(DATASETS),
    detector=any_of(CONFIG.detectors),
    edition=any_of(EDITIONS),
    file=any_of(FILES),
    seed=r"\d+",


def there(path, *shows):
    """Whether a result is there, no older than the results that it shows, and these as well."""
    times = [Path(file).stat().st_mtime if Path(file).exists() else None for file in (path, *shows)]
    return None not in times and max(times) == times[0]


def reported(path, shows=(), **about):
    """A result for the HTML report: shown there, or named on its first page, as missing or as too large to be opened.

    Snakemake makes no report with a result that is not there.
    """
    if not REPORTED:
        return report(path, **about)
    place = path.replace("{edition}", REPORTED)
    if not there(place, *shows):
        unshown = "missing"
    elif place.endswith(".html") and Path(place).stat().st_size > OPENED:
        unshown = "large"
    else:
        return report(path, **about)
    if place.startswith(f"results/editions/{REPORTED}/"):
        config.setdefault(unshown, []).append(place)
    return path


def spec(**values):
    """A job's parameters, as the JSON that its step gets and its record keeps."""
    return json.dumps(values, sort_keys=True)


def code(*modules):
    """Digest of the code that a job runs: the one thing that makes it stale when a module is edited."""
    return closure.digest(*modules)


def archives(dataset):
    """The fetched files that a dataset is made of: of alternatives one that was fetched or is at hand, else the first."""
    return [str(catalogue.ARCHIVES / file) for file in DATASETS[dataset].needs(*PRESENT)]


def images(dataset):
    """A prepared set's images: an array, or a tar of encoded pictures."""
    return f"results/data/{dataset}/images.{'tar' if DATASETS[dataset].packed else 'npy'}"


def decoders(dataset):
    """Threads of a job that reads a prepared set: as many as decode pictures, where there are any to be decoded."""
    return CONFIG.extraction.workers if DATASETS[dataset].packed else 1


def about(wildcards):
    """What config.yaml says of a job's benchmark."""
    return CONFIG.benchmarks[wildcards.benchmark]


def sets(benchmark):
    """The benchmark's datasets, the in-distribution one first."""
    return [CONFIG.benchmarks[benchmark].id, *CONFIG.benchmarks[benchmark].ood]


def seeds(benchmark):
    return CONFIG.benchmarks[benchmark].seeds


def checkpoint(wildcards):
    """What training a network and adopting a published one have in common."""
    benchmark = about(wildcards)
    options = benchmark.network.model_dump()
    return {
        "seed": int(wildcards.seed),
        "network": options.pop("name"),
        "options": options,
        "size": signature.declared(benchmark.network.name, "input_size"),
        "normalisation": DATASETS[benchmark.id].normalisation,
        "splits": ["train", "test"],
    }


def recipe(wildcards):
    return CONFIG.recipes[about(wildcards).recipe]


def network(wildcards):
    """The module of a benchmark's network."""
    return f"ood.networks.{about(wildcards).network.name}"


def trained(edition, file):
    """A file of every checkpoint of an edition; ``timing.json`` only of those that were trained here."""
    return [
        f"results/checkpoints/{benchmark}/seed{seed}/{file}"
        for benchmark in EDITIONS[edition]
        for seed in seeds(benchmark)
        if file == "card.json" or benchmark in TRAINED
    ]


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
        "images": list(map(images, every)) if network else [],
        "checkpoint": (
            expand(f"results/checkpoints/{run}/{{file}}", file=["model.safetensors", "card.json"]) if network else []
        ),
        "accepted": f"results/checkpoints/{run}/accepted.json",
    }


def passes(wildcards):
    """The network that a detector runs itself, and how many images at a time; nothing for one that runs none."""
    if detectors.method(wildcards.detector).consumes != "network":
        return {}
    benchmark = about(wildcards)
    return {
        "network": benchmark.network.name,
        "batch": CONFIG.batch(wildcards.benchmark),
        **own_normalisations(wildcards.benchmark),
    }


def own_normalisations(benchmark):
    """The constants of those OOD sets that are normalised with their own, whatever network sees them."""
    own = {dataset: DATASETS[dataset].own_normalisation for dataset in CONFIG.benchmarks[benchmark].ood}
    own = {dataset: constants for dataset, constants in own.items() if constants}
    return {"normalisations": own} if own else {}


def extracted_with(wildcards):
    """The set's own constants, if it has them whatever network sees it."""
    own = own_normalisations(wildcards.benchmark).get("normalisations", {})
    return {"normalisation": own[wildcards.dataset]} if wildcards.dataset in own else {}


def of_first_seed(wildcards, file):
    """A file of a benchmark's first checkpoint."""
    return f"results/checkpoints/{wildcards.benchmark}/seed{seeds(wildcards.benchmark)[0]}/{file}"


def numbers(benchmark):
    """A benchmark's scores, metrics and cells, and the admission of every checkpoint that they rest on.

    All by name: Snakemake does not make a missing file again as long as something that was made from it is there. That
    is wanted of images and features, which take much room, but not of what an audit reads, nor after the accuracy band
    was changed.
    """
    results = {"seed": seeds(benchmark), "detector": CONFIG.methods(benchmark)}
    files = ["scores/{name}/seed{seed}/{detector}.parquet", "metrics/{name}/{detector}.parquet"]
    files += ["checkpoints/{name}/seed{seed}/accepted.json", "cells/{name}.parquet"]
    return sorted(set(expand([f"results/{file}" for file in files], name=benchmark, **results)))


def judged(benchmark):
    """The detectors of a benchmark that claims are about."""
    return [detector for detector in CONFIG.methods(benchmark) if detector in CLAIMS.variants]


def everything(edition):
    """An edition's numbers, what its notebooks read, what they and other steps make of it, and the appendix where there
    is LaTeX (the setup says so if there is none)."""
    appendix = [f"results/editions/{edition}/appendix.pdf"] if shutil.which("latexmk") else []
    return [
        *(path for benchmark in EDITIONS[edition] for path in numbers(benchmark)),
        *sorted({path for paper in PAPERS for path in evidence(edition, paper)}),
        *expand("results/editions/{edition}/notebooks/{paper}.html", edition=edition, paper=PAPERS),
        f"results/editions/{edition}/networks.html",
        *(lineage(path) for tables in numbered(edition).values() for path in tables),
        *appendix,
    ]
