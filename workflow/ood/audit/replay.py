"""Do a recorded job again, from the files it was made from, and compare."""

import inspect
import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ood.audit.findings import Finding
from ood.audit.records import Record, Records
from ood.ledger import sha256
from ood.step import Input, Inputs, Output, Outputs, Spec

KEYS = ("kind", "benchmark", "detector", "variant", "dataset", "metric", "id", "image")  # what names a row of a table
RELATIVE = 1e-9  # to which numbers in tables of results are the same, whatever library wrote them


def function(step: str) -> Callable:
    """The function that a step's module runs: the one of its own that is given outputs."""
    own = [one for one in vars(import_module(step)).values() if getattr(one, "__module__", "") == step]
    return next(one for one in own if inspect.isfunction(one) and {Output, Outputs} & set(_kinds(one).values()))


def _kinds(step: Callable) -> dict[str, Any]:
    return {name: parameter.annotation for name, parameter in inspect.signature(step).parameters.items()}


def arguments(records: Records, record: Record, place: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """What the step is called with, its outputs below ``place``; and for every output the file it will write."""
    given = record.arguments()
    made = {output: place / output for output in sorted(records.jobs[record.job])}
    by_argument: dict[str, list[Path]] = {}
    for output, draft in made.items():
        draft.parent.mkdir(parents=True, exist_ok=True)
        by_argument.setdefault(records[output].output.argument, []).append(draft)
    called: dict[str, Any] = {}
    for name, kind in _kinds(function(record.step)).items():
        if kind is Spec:
            called[name] = record.spec
        elif kind in (Input, Inputs):
            paths = [Path(path) for path in given.get(name, [])]
            called[name] = paths if kind is Inputs else paths[0]
        else:
            called[name] = by_argument[name] if kind is Outputs else by_argument[name][0]
    return called, made


def again(records: Records, output: str, place: Path) -> list[Finding]:
    """Run the job of an output in this process and compare all that it made."""
    record = records[output]
    try:
        called, made = arguments(records, record, place)
        function(record.step)(**called)
    except Exception as error:  # whatever a step says of its inputs is what is wrong with them
        return [Finding(output, f"cannot be made again: {type(error).__name__}: {error}")]
    return [finding for path, draft in made.items() for finding in compared(records, Path(path), draft)]


def compared(records: Records, file: Path, remade: Path) -> Iterator[Finding]:
    """Differences from the file, or from the digest of one that the crate left out."""
    digest = None if file.is_file() else records.left_out.get(str(file))
    if digest is None:
        yield from differences(file, remade)
    elif digest != sha256(remade):
        yield from _bytes(file, remade)


def differences(file: Path, remade: Path) -> Iterator[Finding]:
    """Where a file is not what was made again: the first row, line or the bytes."""
    if not file.is_file():
        yield Finding(str(file), "is missing")
    elif file.read_bytes() != remade.read_bytes():
        where = {".parquet": _rows, ".png": _bytes, ".pdf": _bytes}.get(file.suffix, _lines)
        yield from where(file, remade)


def _bytes(file: Path, remade: Path) -> Iterator[Finding]:
    yield Finding(str(file), "has other bytes than it has when it is made again")


def _lines(file: Path, remade: Path) -> Iterator[Finding]:
    now, then = file.read_text(errors="replace").splitlines(), remade.read_text(errors="replace").splitlines()
    for number, (found, expected) in enumerate(zip(now, then, strict=False), start=1):
        if found != expected:
            first = next((k for k, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), 0)
            part = slice(max(first - 40, 0), first + 40)
            yield Finding(str(file), f"line {number}, {expected.split(',')[0]}", expected[part], found[part])
            return
    yield Finding(str(file), "number of lines", str(len(then)), str(len(now)))


def _rows(file: Path, remade: Path) -> Iterator[Finding]:
    found, expected = pd.read_parquet(file), pd.read_parquet(remade)
    if found.shape != expected.shape or list(found.columns) != list(expected.columns):
        yield Finding(str(file), "rows and columns", str(expected.shape), str(found.shape))
        return
    for name in expected.columns:
        for row, (a, b) in enumerate(zip(found[name], expected[name], strict=True)):
            if not same(a, b):
                label = " ".join(str(expected[key].iloc[row]) for key in KEYS if key in expected)
                yield Finding(str(file), f"row {row} ({label}), column {name}", _text(b), _text(a))
                return


def same(a: Any, b: Any) -> bool:
    """Whether two entries of a table are equal, numbers to ``RELATIVE``."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.shape(a) == np.shape(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return bool(np.isclose(a, b, rtol=RELATIVE, atol=0, equal_nan=True))
    return bool(a == b)


def _text(value: Any) -> str:
    return json.dumps(value.tolist() if isinstance(value, np.ndarray) else str(value))[:80]
