"""config.yaml, checked: unknown keys and names, values out of range, references that lead nowhere.

Snakemake reads the file; ``load`` is called on it before the DAG is built.
"""

import types
import typing
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ood import catalogue, detectors
from ood.errors import Problem, unknown
from ood.recipe import Recipe

NETWORKS = Path(__file__).parent / "networks"
Share = Annotated[float, Field(ge=0, le=1)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(BaseModel):
    """An architecture by file name; every other key is an option of its class."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str


class Benchmark(Strict):
    title: str
    id: str
    ood: list[str] = Field(min_length=1)
    network: Network
    input_size: int = Field(gt=0)
    recipe: str
    seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    accuracy: tuple[Share, Share]
    detectors: list[str] | None = None


class Bootstrap(Strict):
    draws: int = Field(gt=1)
    seed: int = Field(ge=0)
    confidence: float = Field(gt=0, lt=1)


class Extraction(Strict):
    batch: int = Field(gt=0)


class Config(Strict):
    """The whole experiment."""

    benchmarks: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")], Benchmark] = Field(min_length=1)
    recipes: dict[str, Recipe]
    detectors: dict[str, dict[str, Any] | None]
    bootstrap: Bootstrap
    extraction: Extraction

    @model_validator(mode="after")
    def _references(self) -> "Config":
        known = {
            "dataset": list(catalogue.datasets()),
            "network": [file.stem for file in NETWORKS.glob("[!_]*.py")],
            "recipe": list(self.recipes),
            "detector": list(self.detectors),
        }
        for name in self.detectors:
            if name not in detectors.names():
                raise Problem(f"detectors.{name}: {unknown('detector', name, detectors.names())}")
        for key, benchmark in self.benchmarks.items():
            for where, kind, names in (
                ("id", "dataset", [benchmark.id]),
                ("ood", "dataset", benchmark.ood),
                ("network.name", "network", [benchmark.network.name]),
                ("recipe", "recipe", [benchmark.recipe]),
                ("detectors", "detector", benchmark.detectors or []),
                ("seeds", None, benchmark.seeds),
            ):
                for value in names:
                    if kind and value not in known[kind]:
                        raise Problem(f"benchmarks.{key}.{where}: {unknown(kind, value, known[kind])}")
                    if names.count(value) > 1:
                        raise Problem(f"benchmarks.{key}.{where}: {value} is there twice. Remove one of them.")
            if benchmark.accuracy[0] >= benchmark.accuracy[1]:
                raise Problem(
                    f"benchmarks.{key}.accuracy: {list(benchmark.accuracy)} is no band [low, high], low < high."
                )
            if benchmark.id in benchmark.ood:
                raise Problem(f"benchmarks.{key}.ood: {benchmark.id} is the in-distribution set. Remove it here.")
        return self

    def methods(self, benchmark: str) -> list[str]:
        """The detectors that run on a benchmark."""
        return self.benchmarks[benchmark].detectors or list(self.detectors)

    def options(self, detector: str) -> dict[str, Any]:
        """What config.yaml sets of a detector's hyper-parameters."""
        return self.detectors[detector] or {}


def _allowed(model: Any, path: tuple) -> list[str]:
    """Field names of the model that a path of keys leads to."""
    for key in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[key].annotation
        elif isinstance(model, types.GenericAlias) or typing.get_origin(model):
            model = typing.get_args(model)[-1]
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
        for name in config.detectors:
            try:
                detectors.method(name)(**config.options(name))
            except ValidationError as error:
                raise _explain(error, detectors.method(name), f"detectors.{name}") from None
    except Problem as problem:
        raise Problem(f"config.yaml: {problem}") from None
    return config
