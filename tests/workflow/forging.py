"""Faults for a finished run, and the level of the audit that needs nothing but its records.

They are planted into a tree of hard links, so new files are put in the place of old ones (``put``). Where the forger
also rewrites records (``forge``), he does it as well as it can be done: digests, ids and seals.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ood import ledger
from ood.audit import chain
from ood.records import Records

SCORES = "results/scores/digits/seed0/{}.parquet"
METRICS = "results/metrics/digits/{}.parquet"
ARTIFACTS = "results/editions/demo/artifacts"
TABLE = f"{ARTIFACTS}/gaia/GAIA-S-T3.digits"
PDF = "results/editions/demo/appendix.pdf"
CELL = "GAIA-S-T3/q=0.5/digits letters AUROC"


def put(path: str | Path, content: bytes | str) -> None:
    """New content, in a new file: the old one is a link to the finished run's."""
    Path(path).unlink(missing_ok=True)
    Path(path).write_bytes(content.encode() if isinstance(content, str) else content)


def replace(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text and old != new, f"{path} does not hold {old!r}"
    put(path, text.replace(old, new, 1))


def turn(path: str) -> None:
    """Another last digit in the middle of a table."""
    lines = Path(path).read_text().splitlines(keepends=True)
    place = next(k for k, line in enumerate(lines) if any(sign.isdigit() for sign in line) and k > len(lines) // 2)
    digit = max(k for k, sign in enumerate(lines[place]) if sign.isdigit())
    lines[place] = lines[place][:digit] + str((int(lines[place][digit]) + 1) % 10) + lines[place][digit + 1 :]
    put(path, "".join(lines))


def edit(path: str, change: Callable[[pd.DataFrame], object]) -> None:
    """Change the table of a parquet file; its schema and metadata are kept."""
    table = pq.read_table(path)
    frame = table.to_pandas()
    change(frame)
    Path(path).unlink()
    pq.write_table(pa.Table.from_pandas(frame, schema=table.schema, preserve_index=False), path)


def swap(one: str, other: str, records: bool) -> None:
    for ending in ("", ledger.SUFFIX) if records else ("",):
        first, second = Path(one + ending).read_bytes(), Path(other + ending).read_bytes()
        put(one + ending, second)
        put(other + ending, first)


def raw(path: str) -> dict:
    return json.loads(Path(path + ledger.SUFFIX).read_text())


def record(path: str, change: Callable[[dict], object], identity: bool = False, seal: bool = False) -> None:
    """Edit a record, and then its id and its seal if asked to."""
    known = raw(path)
    change(known)
    if identity:
        known["id"] = ledger.identity(known)
    if seal:
        known["seal"] = ledger.seal(known)
    put(path + ledger.SUFFIX, json.dumps(known, indent=1, sort_keys=True) + "\n")


def forge(path: str, after: bool = False) -> None:
    """Rewrite a file's record to fit it, and with ``after`` those of all that was made from it, one after another."""

    record(path, lambda known: (_fit_output(known, path), _fit_inputs(known)), identity=True, seal=True)
    if after:
        consumers, order = Records.load().consumers, []

        def visit(made: str) -> None:
            for consumer in consumers.get(made, []):
                visit(consumer)
            if made not in order:
                order.append(made)

        visit(path)
        for made in reversed(order[:-1]):
            record(made, _fit_inputs, identity=True, seal=True)


def _fit_output(known: dict, path: str) -> None:
    known["output"] |= {"path": path, "sha256": ledger.sha256(Path(path)), "bytes": Path(path).stat().st_size}


def _fit_inputs(known: dict) -> None:
    for given in known["inputs"]:
        given["sha256"] = ledger.sha256(Path(given["path"]))
        if "record" in given:
            given["record"] = raw(given["path"])["id"]


def set_value(path: str, column: str, value: Callable, **row: str) -> None:
    """Another value in one row of a table of metrics."""

    def change(frame: pd.DataFrame) -> None:
        place = (frame[list(row)].astype(str) == pd.Series(row)).all(axis=1).to_numpy().argmax()
        frame.at[place, column] = value(frame.at[place, column])

    edit(path, change)


def level_a() -> list:
    records = Records.load()
    return [*chain.sealed(records), *chain.outputs(records), *chain.inputs(records), *chain.sources(records)]
