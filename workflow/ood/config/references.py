"""The names in config.yaml lead somewhere, and what they name fits together. All checks raise Problem."""

import re
from collections.abc import Iterable
from pathlib import Path

from ood import detectors
from ood.artifacts import CATALOGUE
from ood.claims.papers import PRINTED
from ood.config import signature
from ood.config.experiment import Benchmark, Config
from ood.data import catalogue
from ood.data.rows import Dataset
from ood.errors import Problem, unknown

WORKFLOW = Path(__file__).parents[2]
OWN = {name for artifact in CATALOGUE for name in artifact.printed_for}  # benchmarks that are printed, not run


def check(config: Config) -> None:
    """Raise Problem, beginning with the key, for the first name that leads nowhere or does not fit."""
    for name in config.detectors:
        _known(f"detectors.{name}", "detector", [name], detectors.names())
    _known("on_request", "detector", config.on_request, config.detectors)
    _targets(config)
    datasets = catalogue.datasets()
    for name, benchmark in config.benchmarks.items():
        place, methods = f"benchmarks.{name}", config.methods(name)
        _sets(place, benchmark, datasets)
        _network(f"{place}.network", benchmark, datasets[benchmark.id])
        _detectors(place, benchmark, methods, config)
        _weights(place, benchmark, config, datasets[benchmark.id])
        _known(f"{place}.seeds", "seed", benchmark.seeds, benchmark.seeds)
        _known(f"{place}.timed", "batch", benchmark.timed, benchmark.timed)
        for key in ("reproduces", "resembles"):
            if named := getattr(benchmark, key):
                _known(f"{place}.{key}", "printed benchmark", [named], PRINTED)


def _known(place: str, kind: str, names: list, allowed: Iterable) -> None:
    """Raise Problem for a name that is not allowed, or that is a duplicate."""
    for name in names:
        if name not in allowed:
            raise Problem(f"{place}: {unknown(kind, name, allowed)}")
        if names.count(name) > 1:
            raise Problem(f"{place}: {name} is a duplicate. Remove one of them.")


def _told_apart(place: str, kind: str, titles: dict[str, str]) -> None:
    """Raise Problem for a title that two of these have: tables name them by it alone."""
    first: dict[str, str] = {}
    for name, title in titles.items():
        if title in first:
            raise Problem(
                f"{place}: the {kind}s {first[title]} and {name} have the same title, '{title}'. Give one of them "
                f"another{' in resources/datasets.csv' if kind == 'dataset' else ''}, or leave it out here."
            )
        first[title] = name


def _rules() -> set[str]:
    """The names of the workflow's rules, other than those that are made of names in config.yaml."""
    sources = [WORKFLOW / "Snakefile", *(WORKFLOW / "rules").glob("*.smk")]
    return {
        name for file in sources for name in re.findall(r"^(?:use )?rule .*?(\w+)(?: with)?:$", file.read_text(), re.M)
    }


def _targets(config: Config) -> None:
    """Editions and benchmarks are what a run is asked for by name."""
    _known("default", "edition", config.default, config.editions)
    for name, members in config.editions.items():
        _known(f"editions.{name}", "benchmark", members, config.benchmarks)
        if name in config.benchmarks:
            raise Problem(f"editions.{name}: a benchmark has that name, and both are targets. Choose another.")
        _told_apart(f"editions.{name}", "benchmark", {member: config.benchmarks[member].title for member in members})
    for kind, names in (("editions", config.editions), ("benchmarks", config.benchmarks)):
        for name in sorted(_rules() & set(names)):
            raise Problem(f"{kind}.{name}: a rule of the workflow has that name, and both are targets. Choose another.")
    for name in sorted(OWN & set(config.benchmarks)):
        raise Problem(f"benchmarks.{name}: a paper's printed tables have that name, and are files too. Choose another.")


def _sets(place: str, benchmark: Benchmark, datasets: dict[str, Dataset]) -> None:
    """The datasets are there, are told apart by their titles, and hold images of one shape."""
    _known(f"{place}.id", "dataset", [benchmark.id], datasets)
    _known(f"{place}.ood", "dataset", benchmark.ood, datasets)
    identity, oods = datasets[benchmark.id], [datasets[name] for name in benchmark.ood]
    for ood in oods:
        if ood.dataset == identity.dataset:
            raise Problem(f"{place}.ood: {ood.dataset} is the in-distribution set. Remove it here.")
        if (ood.size, ood.channels) != (identity.size, identity.channels):
            raise Problem(
                f"{place}.ood: {ood.dataset} has {ood.shape}, the in-distribution set {identity.shape}. Take a row "
                "of resources/datasets.csv that has the same."
            )
    _told_apart(f"{place}.ood", "dataset", {ood.dataset: ood.title for ood in oods})
    for name, members in benchmark.averaged().items():
        _known(f"{place}.averages.{name}", "OOD set", members, benchmark.ood)
        if name in benchmark.ood:
            raise Problem(f"{place}.averages.{name}: an OOD set has that name. Choose another for the average.")


def _network(place: str, benchmark: Benchmark, identity: Dataset) -> None:
    """The network has these options, and takes the images of the in-distribution set."""
    options = benchmark.network.model_dump()
    name = options.pop("name")
    _known(f"{place}.name", "network", [name], signature.names())
    signature.check(place, name, options)
    takes, optional = signature.channels(name, options)
    if takes != identity.channels:
        remedy = f"Set channels: {identity.channels} there." if optional else "Choose another network or dataset."
        raise Problem(
            f"{place}: {identity.dataset} has {identity.shape}, and the input of '{name}' has channels: "
            f"{takes}. {remedy}"
        )


def _detectors(place: str, benchmark: Benchmark, methods: list[str], config: Config) -> None:
    """The methods are there, and the network has what they need."""
    _known(f"{place}.detectors", "detector", benchmark.detectors or [], config.detectors)
    _known(f"{place}.also", "detector on request", benchmark.also, config.on_request)
    _known(f"{place}.also", "detector", methods, config.detectors)
    _known(f"{place}.options", "detector of this benchmark", list(benchmark.options), methods)
    lacking = [name for name in methods if detectors.method(name).needs_blocks]
    if lacking and not signature.blocks(benchmark.network.name):
        raise Problem(
            f"{place}.detectors: {', '.join(lacking)} cannot run here, as the network '{benchmark.network.name}' has "
            "no blocks. Give a list of detectors without them."
        )


def _weights(place: str, benchmark: Benchmark, config: Config, identity: Dataset) -> None:
    """The recipe or the published checkpoint is there, and a recipe has images that it can train on."""
    if benchmark.weights:
        _known(f"{place}.weights.file", "file", [benchmark.weights.file], catalogue.files())
        return
    _known(f"{place}.recipe", "recipe", [benchmark.recipe], config.recipes)
    if identity.packed:
        raise Problem(
            f"{place}.recipe: training needs images of one size, and {identity.dataset} holds encoded pictures of "
            "any. Give weights instead, or a dataset whose row in resources/datasets.csv has a size."
        )
