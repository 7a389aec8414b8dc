"""config.yaml, checked: unknown keys and names, values out of range, references that lead nowhere.

Snakemake reads the file; ``load`` is called on it before the DAG is built, and ood.once on its text. Commands of their
own ``read`` it.
"""

import re
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ood import detectors, signature
from ood.artifacts import CATALOGUE
from ood.claims.papers import PRINTED
from ood.data import catalogue
from ood.errors import Problem, unknown
from ood.once import once
from ood.train.recipe import Band, Recipe

WORKFLOW = Path(__file__).parents[1]
NAME = r"^[a-z0-9_]+$"
OWN = {name for artifact in CATALOGUE for name in artifact.printed_for}  # benchmarks that are printed, not run


def _rules() -> set[str]:
    """The names of the workflow's rules, other than those that are made of names in config.yaml."""
    sources = [WORKFLOW / "Snakefile", *(WORKFLOW / "rules").glob("*.smk")]
    return {
        name for file in sources for name in re.findall(r"^(?:use )?rule .*?(\w+)(?: with)?:$", file.read_text(), re.M)
    }


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


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(BaseModel):
    """An architecture by file name; every other key is an option of its class."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str


class Weights(Strict):
    """A published checkpoint: a row of resources/files.csv, and the test accuracy that it must have here.

    ``class_order`` is the dataset's label of each of its outputs, where that is not their own number.
    """

    file: str
    accuracy: Band
    class_order: list[int] | None = None


class Benchmark(Strict):
    """``averages`` names groups of OOD sets to average over, one of them ``average``; without it, that is all sets.

    ``detectors`` names those that run on it, ``also`` adds some that run on request; ``options`` overrides what
    config.yaml sets of theirs, here only.
    ``batch`` is that of all passes of its network, where extraction.batch would be too large for the device's memory.
    ``reproduces`` names the papers' own benchmark whose printed numbers stand beside this one's.
    ``timed`` are the batch sizes for which methods are timed on it: times differ from run to run, unlike all else.
    """

    title: catalogue.Title
    id: str
    ood: list[str] = Field(min_length=1)
    averages: dict[Annotated[str, Field(pattern=NAME)], Annotated[list[str], Field(min_length=1)]] | None = None
    network: Network
    input_size: int = Field(gt=0)
    recipe: str | None = None
    weights: Weights | None = None
    seeds: list[Annotated[int, Field(ge=0)]] = Field([0], min_length=1)
    detectors: list[str] | None = Field(None, min_length=1)
    also: list[str] = []
    options: dict[str, dict[str, Any]] = {}
    batch: int | None = Field(None, gt=0)
    reproduces: str | None = None
    timed: list[Annotated[int, Field(gt=0)]] = []

    def averaged(self) -> dict[str, list[str]]:
        """The groups of OOD sets that are averaged over, by name."""
        return self.averages or {"average": self.ood}

    @model_validator(mode="after")
    def _consistent(self) -> "Benchmark":
        if "average" not in self.averaged():
            raise ValueError("one of the averages must have the name 'average'")
        if (self.recipe is None) == (self.weights is None):
            raise ValueError("either recipe (to train) or weights (a published checkpoint) is expected, not both")
        if self.weights and self.seeds != [0]:
            raise ValueError("a published checkpoint is one network: leave seeds out")
        return self


class Bootstrap(Strict):
    draws: int = Field(gt=1)
    seed: int = Field(ge=0)
    confidence: float = Field(gt=0, lt=1)


class Extraction(Strict):
    """``batch``: images per pass. ``workers``: processes that decode pictures for it, for packed sets only."""

    batch: int = Field(gt=0)
    workers: int = Field(4, gt=0)


class Config(Strict):
    """The whole experiment.

    ``mirror`` is a folder or URL where files are looked for first; ``editions`` say which benchmarks are typeset
    together, ``default`` which of them are made when no target is named. ``on_request`` names the detectors that run
    only on benchmarks which name them.
    """

    mirror: str | None = None
    benchmarks: dict[Annotated[str, Field(pattern=NAME)], Benchmark] = Field(min_length=1)
    editions: dict[Annotated[str, Field(pattern=NAME)], Annotated[list[str], Field(min_length=1)]] = Field(min_length=1)
    default: list[str]
    recipes: dict[str, Recipe]
    detectors: dict[str, dict[str, Any] | None]
    on_request: list[str] = []
    bootstrap: Bootstrap
    extraction: Extraction

    @model_validator(mode="after")
    def _references(self) -> "Config":
        datasets = catalogue.datasets()
        for name in self.detectors:
            _known(f"detectors.{name}", "detector", [name], detectors.names())
        _known("on_request", "detector", self.on_request, self.detectors)
        _known("default", "edition", self.default, self.editions)
        for name, members in self.editions.items():
            _known(f"editions.{name}", "benchmark", members, self.benchmarks)
            if name in self.benchmarks:
                raise Problem(f"editions.{name}: a benchmark has that name, and both are targets. Choose another.")
            _told_apart(f"editions.{name}", "benchmark", {member: self.benchmarks[member].title for member in members})
        rules = _rules()
        for place in (
            *(f"editions.{name}" for name in self.editions if name in rules),
            *(f"benchmarks.{name}" for name in self.benchmarks if name in rules),
        ):
            raise Problem(f"{place}: a rule of the workflow has that name, and both are targets. Choose another.")
        for key, benchmark in self.benchmarks.items():
            place = f"benchmarks.{key}"
            if key in OWN:
                raise Problem(f"{place}: a paper's printed tables have that name, and are files too. Choose another.")
            _known(f"{place}.id", "dataset", [benchmark.id], datasets)
            _known(f"{place}.ood", "dataset", benchmark.ood, datasets)
            _known(f"{place}.network.name", "network", [benchmark.network.name], signature.names())
            self._network(f"{place}.network", benchmark.network.model_dump(), datasets[benchmark.id])
            _known(f"{place}.detectors", "detector", benchmark.detectors or [], self.detectors)
            _known(f"{place}.also", "detector on request", benchmark.also, self.on_request)
            _known(f"{place}.also", "detector", self.methods(key), self.detectors)
            _known(f"{place}.options", "detector of this benchmark", list(benchmark.options), self.methods(key))
            self._blocks(place, benchmark.network.name, self.methods(key))
            _known(f"{place}.seeds", "seed", benchmark.seeds, benchmark.seeds)
            _known(f"{place}.timed", "batch", benchmark.timed, benchmark.timed)
            if benchmark.reproduces:
                _known(f"{place}.reproduces", "printed benchmark", [benchmark.reproduces], PRINTED)
            for name, members in benchmark.averaged().items():
                _known(f"{place}.averages.{name}", "OOD set", members, benchmark.ood)
                if name in benchmark.ood:
                    raise Problem(f"{place}.averages.{name}: an OOD set has that name. Choose another for the average.")
            if benchmark.recipe:
                _known(f"{place}.recipe", "recipe", [benchmark.recipe], self.recipes)
            if benchmark.weights:
                _known(f"{place}.weights.file", "file", [benchmark.weights.file], catalogue.files())
            self._same_shape(place, datasets[benchmark.id], [datasets[name] for name in benchmark.ood])
            _told_apart(f"{place}.ood", "dataset", {name: datasets[name].title for name in benchmark.ood})
            if benchmark.recipe and datasets[benchmark.id].packed:
                raise Problem(
                    f"{place}.recipe: training needs images of one size, and {benchmark.id} holds encoded pictures of "
                    "any. Give weights instead, or a dataset whose row in resources/datasets.csv has a size."
                )
        return self

    @staticmethod
    def _network(place: str, options: dict[str, Any], identity: catalogue.Dataset) -> None:
        """Raise Problem unless a network has these options, and takes the images of the dataset."""
        name = options.pop("name")
        signature.check(place, name, options)
        takes, optional = signature.channels(name, options)
        if takes != identity.channels:
            remedy = f"Set channels: {identity.channels} there." if optional else "Choose another network or dataset."
            raise Problem(
                f"{place}: {identity.dataset} has {identity.shape}, and the input of '{name}' has channels: "
                f"{takes}. {remedy}"
            )

    @staticmethod
    def _blocks(place: str, network: str, methods: list[str]) -> None:
        """Raise Problem for a method that needs a network's blocks where it has none."""
        lacking = [name for name in methods if detectors.method(name).needs_blocks]
        if lacking and not signature.blocks(network):
            raise Problem(
                f"{place}.detectors: {', '.join(lacking)} cannot run here, as the network '{network}' has no blocks. "
                "Give a list of detectors without them."
            )

    @staticmethod
    def _same_shape(place: str, identity: catalogue.Dataset, oods: list[catalogue.Dataset]) -> None:
        for ood in oods:
            if ood.dataset == identity.dataset:
                raise Problem(f"{place}.ood: {ood.dataset} is the in-distribution set. Remove it here.")
            if (ood.size, ood.channels) != (identity.size, identity.channels):
                raise Problem(
                    f"{place}.ood: {ood.dataset} has {ood.shape}, the in-distribution set {identity.shape}. Take a row "
                    "of resources/datasets.csv that has the same."
                )

    def band(self, benchmark: str) -> dict[str, Any]:
        """The test accuracy that a benchmark's checkpoints must have, and the key that says so."""
        about = self.benchmarks[benchmark]
        if about.weights:
            return {"band": about.weights.accuracy, "key": f"benchmarks.{benchmark}.weights.accuracy"}
        return {"band": self.recipes[about.recipe].accuracy, "key": f"recipes.{about.recipe}.accuracy"}

    def batch(self, benchmark: str) -> int:
        """Images per pass of a benchmark's network."""
        return self.benchmarks[benchmark].batch or self.extraction.batch

    def methods(self, benchmark: str) -> list[str]:
        """The detectors that run on a benchmark."""
        about = self.benchmarks[benchmark]
        return (about.detectors or [name for name in self.detectors if name not in self.on_request]) + about.also

    def options(self, detector: str, benchmark: str) -> dict[str, Any]:
        """What config.yaml sets of a detector's hyper-parameters on a benchmark."""
        return {**(self.detectors[detector] or {}), **self.benchmarks[benchmark].options.get(detector, {})}


def _bare(annotation: Any) -> Any:
    """An annotation without its ``| None``."""
    return typing.get_args(annotation)[0] if isinstance(annotation, types.UnionType) else annotation


def _allowed(model: Any, path: tuple) -> list[str]:
    """Field names of the model that a path of keys leads to."""
    for key in path:
        model = _bare(model)
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[key].annotation
        elif isinstance(model, types.GenericAlias) or typing.get_origin(model):
            model = typing.get_args(model)[-1]
    model = _bare(model)
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _explain(error: ValidationError, model: type[BaseModel], prefix: str) -> Problem:
    """The first error as a sentence: the key, the value, what is allowed."""
    first = error.errors()[0]
    path = tuple(part for part in first["loc"] if part != "[key]")
    key = ".".join(map(str, (*filter(None, [prefix]), *path)))
    if first["type"] == "extra_forbidden":
        return Problem(f"{key}: {unknown('key', str(path[-1]), _allowed(model, path[:-1]))}")
    if first["type"] == "missing":
        return Problem(f"{key}: this key is missing.")
    return Problem(f"{key}: {first['input']!r} is not allowed: {first['msg'][0].lower()}{first['msg'][1:]}.")


def load(raw: dict[str, Any]) -> Config:
    """The checked configuration. Raises Problem, starting with config.yaml and the key, for the first thing wrong."""
    try:
        try:
            config = Config.model_validate(raw)
        except ValidationError as error:
            raise _explain(error, Config, "") from None
        settings = [(f"detectors.{name}", name, options or {}) for name, options in config.detectors.items()]
        settings += [
            (f"benchmarks.{key}.options.{name}", name, config.options(name, key))
            for key, benchmark in config.benchmarks.items()
            for name in benchmark.options
        ]
        for place, name, options in settings:
            try:
                detectors.method(name)(**options)
            except ValidationError as error:
                raise _explain(error, detectors.method(name), place) from None
    except Problem as problem:
        raise Problem(f"config.yaml: {problem}") from None
    return config


def read() -> Config:
    """The checked configuration of this folder."""
    file = Path("config.yaml")
    once(file)
    return load(yaml.safe_load(file.read_text()))
