"""config.yaml, checked: unknown keys and names, values out of range, references that lead nowhere.

Snakemake reads the file; ``load`` is called on it before the DAG is built, and ood.once on its text. Commands of their
own ``read`` it.
"""

import math
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ood import detectors
from ood.config import references
from ood.config.experiment import Benchmark, Config
from ood.config.explain import explain
from ood.errors import Problem
from ood.once import once

__all__ = ["Benchmark", "Config", "load", "read"]


def load(raw: dict[str, Any]) -> Config:
    """The checked configuration. Raises Problem, starting with config.yaml and the key, for the first thing wrong."""
    try:
        try:
            config = Config.model_validate(raw)
        except ValidationError as error:
            raise explain(error, Config, "") from None
        _finite("", raw)
        references.check(config)
        _settings(config)
    except Problem as problem:
        raise Problem(f"config.yaml: {problem}") from None
    return config


def _finite(key: str, value: Any) -> None:
    """Raise Problem for a number that JSON does not have: parameters are kept in it, and others read what is kept."""
    if isinstance(value, float) and not math.isfinite(value):
        raise Problem(
            f"{key}: {value} is not allowed: JSON, in which parameters are kept, has no such number. Where a detector "
            f"takes it, write it as text, '{value}'."
        )
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        _finite(f"{key}.{name}".removeprefix("."), member)


def _settings(config: Config) -> None:
    """Raise Problem for what is no value of a detector's option."""
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
            raise explain(error, detectors.method(name), place) from None


def read() -> Config:
    """The checked configuration of this folder."""
    file = Path("config.yaml")
    once(file)
    return load(yaml.safe_load(file.read_text()))
