"""Do a recorded job again, from the files it was made from, and compare.

A record may come from anyone (ood.audit.released). So what it says decides neither which code runs nor where that reads
and writes: only ``STEPS`` run, on results and on the project's own files, and all that they write goes to a scratch
folder. A record that asks for anything else is a finding, and its job is not run.
"""

import inspect
import json
import re
from collections.abc import Callable, Collection, Iterator
from importlib import import_module
from pathlib import Path, PurePath
from typing import Any

import nbformat
import numpy as np
import pandas as pd

from ood.audit.findings import Finding
from ood.ledger import RESULTS, sha256
from ood.records import Record, Records
from ood.step import Input, Inputs, Output, Outputs, Spec

# The steps after the scores, and the page of the networks; by name, as records may come from a version whose folders
# were others.
STEPS = {
    "notebook": "ood.appendix.notebook",
    "training_cards": "ood.appendix.training_cards",
    "verdicts": "ood.claims.verdicts",
    "disjoint": "ood.data.disjoint",
    "cells": "ood.evaluation.cells",
    "evaluate": "ood.evaluation.evaluate",
    "summaries": "ood.evaluation.summaries",
    "acceptance": "ood.train.acceptance",
}
DRAWN = re.compile(r"\b[mp][0-9a-f]{10}\b")  # names of parts of a drawing in a page, others each time
# By argument the project's own files that these read; every other argument is of results.
OWN = {
    "source": re.compile(r"notebooks/\w+\.py"),
    "published": re.compile(r"paper/published/\w+\.csv"),
    "published_cells": re.compile(r"paper/published/\w+\.csv"),
    "document": re.compile(r"paper/claims\.yaml"),
}
RESULT = re.compile(rf"{RESULTS}/[^.].*")
FAILED = "failed"  # the parameter that says where a notebook that fails is kept
KEYS = ("kind", "benchmark", "detector", "variant", "dataset", "metric", "id", "image")  # what names a row of a table
RELATIVE = 1e-9  # to which numbers in tables of results are the same, whatever library wrote them


def refused(record: Record, steps: Collection[str] = STEPS) -> Iterator[str]:
    """Why a job may not be done again: what its record names that none of these steps needs."""
    if record.name not in steps:
        yield f"its step '{record.step}' is none that an audit runs ({', '.join(steps)})"
    yield from astray(record)
    replaced = record.spec.get(FAILED) if isinstance(record.spec, dict) else None
    for text in _texts(record.spec):
        if _leads_out(text) and text != replaced:
            yield f"its parameter '{text}' leads out of the project's folder"


def astray(record: Record, *arguments: str) -> Iterator[str]:
    """What a record names as inputs, or as those of some arguments, and that does not lie where these belong."""
    for given in record.inputs:
        if (not arguments or given.argument in arguments) and not _readable(given.argument, given.path):
            place = "one of this project's own files" if given.argument in OWN else f"a file in {RESULTS}/"
            yield f"its input '{given.path}' ({given.argument}) is not {place}"


def _readable(argument: str, path: str) -> bool:
    if argument not in OWN:
        return bool(RESULT.fullmatch(path)) and not _leads_out(path)
    return bool(OWN[argument].fullmatch(path)) and Path(path).resolve() == Path.cwd() / path


def _leads_out(path: str) -> bool:
    return PurePath(path).is_absolute() or ".." in PurePath(path).parts


def _texts(value: Any) -> Iterator[str]:
    """All strings in a JSON value, keys too: names among the parameters become parts of paths."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in [*value, *(value.values() if isinstance(value, dict) else ())]:
            yield from _texts(part)


def not_done(output: str, reason: str) -> Finding:
    """Of an output whose record asks for something that no record of this workflow does."""
    return Finding(output, f"is not made again: {reason}. No record of this workflow says so: do not trust this run")


def function(step: str) -> Callable:
    """The function that a step's module runs: the one of its own that is given outputs."""
    own = [value for value in vars(import_module(step)).values() if getattr(value, "__module__", "") == step]
    return next(value for value in own if inspect.isfunction(value) and {Output, Outputs} & set(_kinds(value).values()))


def _kinds(step: Callable) -> dict[str, Any]:
    return {name: parameter.annotation for name, parameter in inspect.signature(step).parameters.items()}


def arguments(records: Records, record: Record, place: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """What the step is called with, all that it writes below ``place``; and for every output the file it will write."""
    given = record.arguments()
    made = {output: place / output for output in sorted(records.jobs[record.job])}
    by_argument: dict[str, list[Path]] = {}
    for output, draft in made.items():
        draft.parent.mkdir(parents=True, exist_ok=True)
        by_argument.setdefault(records[output].output.argument, []).append(draft)
    called: dict[str, Any] = {}
    for name, kind in _kinds(function(STEPS[record.name])).items():
        if kind is Spec:
            called[name] = record.spec | {FAILED: str(place / "failed.ipynb")}
        elif kind in (Input, Inputs):
            paths = [Path(path) for path in given.get(name, [])]
            called[name] = paths if kind is Inputs else paths[0]
        else:
            called[name] = by_argument[name] if kind is Outputs else by_argument[name][0]
    return called, made


def again(records: Records, output: str, place: Path) -> list[Finding]:
    """Run the job of an output in this process and compare all that it made."""
    record = records[output]
    if reason := next(refused(record), None):
        return [not_done(output, reason)]
    try:
        called, made = arguments(records, record, place)
        function(STEPS[record.name])(**called)
        for path, draft in made.items():
            if draft.suffix == ".ipynb":
                _ran_on(records[path].versions["python"], draft)
    except Exception as error:  # whatever a step says of its inputs is what is wrong with them
        return [Finding(output, f"cannot be made again: {type(error).__name__}: {error}")]
    return [finding for path, draft in made.items() for finding in compared(records, Path(path), draft)]


def _ran_on(python: str, executed: Path) -> None:
    """Have an executed notebook name this Python. Which one ran it is a circumstance, and stands in its record."""
    notebook = nbformat.read(executed, as_version=nbformat.NO_CONVERT)
    notebook.metadata.language_info.version = python
    nbformat.write(notebook, executed)


def compared(records: Records, file: Path, remade: Path) -> Iterator[Finding]:
    """Differences from the file, or from the digest of one that the crate left out."""
    if not remade.is_file():
        yield Finding(str(file), "is not written when its job is done again")
        return
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
    texts = [path.read_text(errors="replace") for path in (file, remade)]
    if file.suffix == ".html":
        texts = [DRAWN.sub("", text) for text in texts]
        if texts[0] == texts[1]:
            return
    now, then = (text.splitlines() for text in texts)
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
