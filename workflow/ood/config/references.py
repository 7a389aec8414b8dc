"""The names in config.yaml lead somewhere, and what they name fits together. All checks raise Problem."""

from collections.abc import Iterable

from ood import detectors
from ood.artifacts import CATALOGUE
from ood.artifacts.methods import TIMED
from ood.claims.papers import PRINTED
from ood.config import signature, targets
from ood.config.experiment import Benchmark, Config
from ood.data import catalogue
from ood.data.rows import Dataset
from ood.errors import Problem, unknown

OWN = {name for artifact in CATALOGUE for name in artifact.printed_for}  # benchmarks that are printed, not run


def check(config: Config) -> None:
    """Raise Problem, beginning with the key, for the first name that leads nowhere or does not fit."""
    for name in config.detectors:
        _known(f"detectors.{name}", "detector", [name], detectors.names())
    _known("on_request", "detector", config.on_request, config.detectors)
    _editions(config)
    datasets = catalogue.datasets()
    for name, benchmark in config.benchmarks.items():
        place, methods = f"benchmarks.{name}", config.methods(name)
        _sets(place, benchmark, datasets)
        _network(f"{place}.network", benchmark, datasets[benchmark.id])
        _detectors(place, benchmark, methods, config)
        _weights(place, benchmark, config, datasets[benchmark.id])
        _known(f"{place}.seeds", "seed", benchmark.seeds, benchmark.seeds)
        _timed(f"{place}.timed", benchmark, methods)
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
                f"another{' in workflow/resources/datasets.csv' if kind == 'dataset' else ''}, or leave it out here."
            )
        first[title] = name


def _editions(config: Config) -> None:
    """Editions name benchmarks that tables tell apart, and nothing has the name of something else."""
    _known("default", "edition", config.default, config.editions)
    for name, members in config.editions.items():
        _known(f"editions.{name}", "benchmark", members, config.benchmarks)
        _told_apart(f"editions.{name}", "benchmark", {member: config.benchmarks[member].title for member in members})
    targets.check(config)
    for name in sorted(OWN & set(config.benchmarks)):
        raise Problem(f"benchmarks.{name}: a paper's printed tables have that name, and are files too. Choose another.")


def _sets(place: str, benchmark: Benchmark, datasets: dict[str, Dataset]) -> None:
    """The datasets are there, are told apart by their titles, and hold images of one shape."""
    _known(f"{place}.id", "dataset", [benchmark.id], datasets)
    _known(f"{place}.ood", "dataset", benchmark.ood, datasets)
    identity, oods = datasets[benchmark.id], [datasets[name] for name in benchmark.ood]
    if identity.kind != "in-distribution":
        raise Problem(
            f"{place}.id: the kind of {identity.dataset} is '{identity.kind}' in workflow/resources/datasets.csv. "
            "Name a dataset whose kind is 'in-distribution': only these are meant to be trained on."
        )
    for ood in oods:
        if ood.dataset == identity.dataset:
            raise Problem(f"{place}.ood: {ood.dataset} is the in-distribution set. Remove it here.")
        if (ood.size, ood.channels) != (identity.size, identity.channels):
            raise Problem(
                f"{place}.ood: {ood.dataset} has {ood.shape}, the in-distribution set {identity.shape}. Take a row "
                "of workflow/resources/datasets.csv that has the same."
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
    signature.declared(name, "input_size")  # what jobs are given
    takes, optional = signature.channels(name, options)
    if takes != identity.channels:
        remedy = f"Set channels: {identity.channels} there." if optional else "Choose another network or dataset."
        raise Problem(
            f"{place}: {identity.dataset} has {identity.shape}, and the input of '{name}' has channels: "
            f"{takes}. {remedy}"
        )
    if identity.packed and signature.declared(name, "preprocessing") is None:
        able = sorted(other for other in signature.names() if signature.declared(other, "preprocessing"))
        raise Problem(
            f"{place}: {identity.dataset} holds encoded pictures of any size, and '{name}' does not say by a "
            f"'preprocessing' how one becomes its input. Choose a network that does: {', '.join(able)}."
        )


def _detectors(place: str, benchmark: Benchmark, methods: list[str], config: Config) -> None:
    """The methods are there, and the network has what they need."""
    _known(f"{place}.detectors", "detector", benchmark.detectors or [], config.detectors)
    _known(f"{place}.also", "detector on request", benchmark.also, config.on_request)
    _known(f"{place}.also", "detector", methods, config.detectors)
    _known(f"{place}.options", "detector of this benchmark", list(benchmark.options), methods)
    lacking = [name for name in methods if detectors.method(name).needs_blocks]
    if lacking and not signature.blocks(benchmark.network.name):
        network = benchmark.network.name
        raise Problem(
            f"{place}.detectors: {', '.join(lacking)} cannot run here, as the network '{network}' has no blocks. "
            f"Define blocks() in workflow/ood/networks/{network}.py, or give a list of detectors without them."
        )


def _timed(place: str, benchmark: Benchmark, methods: list[str]) -> None:
    """The batches are told apart, and all methods that are timed run on the benchmark."""
    _known(place, "batch", benchmark.timed, benchmark.timed)
    missing = [name for name in TIMED if name not in methods]
    if benchmark.timed and missing:
        raise Problem(
            f"{place}: {', '.join(missing)} would be timed with the others of GAIA's Table 1, and does not run on this "
            "benchmark. Leave timed out, or add it to the benchmark's detectors."
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
            "any. Give weights instead, or a dataset whose row in workflow/resources/datasets.csv has a size."
        )
