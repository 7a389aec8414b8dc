"""The numbers that the three papers print, one row per cell, read from paper/published/*.csv.

A cell's id is ``artifact/method/variant/ID set/OOD set/metric``, for instance
``GAIA-S-T2/GAIA-Z/5 seeds/CIFAR-10/average of 5/FPR95``. Whether the printed numbers agree with one another
is the business of ood.claims.published_checks.
"""

import csv
import math
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from ood.errors import Problem, unknown

# The columns that name a cell. No two rows agree in all six, so paper, benchmark, model and unit stay out.
KEY = ["artifact", "method", "variant", "id_dataset", "ood_dataset", "metric"]
COLUMNS = ["paper", "artifact", "benchmark", "model", *KEY[1:], "unit", "value", "std", "note"]
# What is printed, in which unit, and between which bounds it can lie.
RANGES = {
    ("AUROC", "percent"): (0, 100),
    ("AUROC", "fraction"): (0, 1),
    ("FPR95", "percent"): (0, 100),
    ("AUROC gain", "percentage points"): (-100, 100),
    ("FPR95 reduction", "percentage points"): (-100, 100),
    ("time per image", "ms"): (0, math.inf),
}
NUMBER = r"-?[0-9]+(\.[0-9]+)?"
FAILURES_SHOWN = 10


def _in_range(frame: pd.DataFrame) -> pd.Series:
    pairs = zip(frame["metric"], frame["unit"], strict=True)
    low, high = zip(*(RANGES.get(pair, (math.nan, math.nan)) for pair in pairs), strict=True)
    # No number at all: the check of `printed` reports it.
    return frame["value"].isna() | frame["value"].between(pd.Series(low), pd.Series(high))


def _text(*checks: pa.Check) -> pa.Column:
    return pa.Column(str, list(checks))


def _one_of(allowed: set[str]) -> pa.Check:
    return pa.Check.isin(allowed, error=f"one of {', '.join(sorted(allowed))}")


_FILLED = _text(pa.Check.str_length(min_value=1, error="some text"))
_BOUNDS = "; ".join(f"{metric} in {unit}: {low} to {high}" for (metric, unit), (low, high) in RANGES.items())
SCHEMA = pa.DataFrameSchema(
    {
        **dict.fromkeys(["paper", "artifact", "benchmark", "method", "id_dataset"], _FILLED),
        **dict.fromkeys(["model", "variant", "ood_dataset", "note", "file"], _text()),
        "metric": _text(_one_of({metric for metric, _ in RANGES})),
        "unit": _text(_one_of({unit for _, unit in RANGES})),
        "printed": _text(pa.Check.str_matches(rf"^{NUMBER}$", error="a decimal number such as 29.10")),
        "value": pa.Column(float, nullable=True),
        "decimals": pa.Column(int),
        "printed_std": _text(pa.Check.str_matches(rf"^({NUMBER})?$", error="a decimal number or nothing")),
        "std": pa.Column(float, pa.Check.ge(0, error="a spread of at least 0"), nullable=True),
        "line": pa.Column(int),
        # Unique ids imply a unique KEY, and more: no two keys differ in a replaced '/' alone.
        "cell": pa.Column(str, unique=True, report_duplicates="exclude_first"),
    },
    checks=pa.Check(_in_range, error=f"a value that fits its metric and unit ({_BOUNDS})"),
    strict=True,
)


def _rows(file: Path) -> list[list[str | int]]:
    """The rows of one CSV, each followed by the file's name and the row's line."""
    rows = []
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            reader = csv.reader(lines, strict=True)
            header = next(reader, [])
            if header != COLUMNS:
                missing = ", ".join(name for name in COLUMNS if name not in header) or "none"
                expected = f"expected {', '.join(COLUMNS)}; missing: {missing}"
                raise Problem(f"{file}, line 1: columns {', '.join(header)}; {expected}.")
            for row in reader:
                if len(row) != len(COLUMNS):
                    where = f"{file}, line {reader.line_num}"
                    raise Problem(f"{where}: {len(row)} fields, expected {len(COLUMNS)}.")
                rows.append([*row, file.name, reader.line_num])
    except (csv.Error, UnicodeDecodeError) as error:
        raise Problem(f"{file} is not a CSV file in UTF-8: {error}") from error
    return rows


def decimals(printed: pd.Series) -> pd.Series:
    """How many decimals the printed numbers have: 2 for '29.10'."""
    return printed.str.partition(".")[2].str.len()


def _describe(errors: pa.errors.SchemaErrors, frame: pd.DataFrame, folder: Path) -> str:
    cases = errors.failure_cases
    # A check of whole rows fails once per column: the printed number stands for the row. One message a row is
    # enough, and a column's own check says it best.
    cases = cases[(cases["schema_context"] == "Column") | (cases["column"] == "printed")]
    cases = cases.sort_values(["index", "schema_context"]).drop_duplicates("index")
    names = {"printed": "value", "printed_std": "std", "cell": " + ".join(KEY)}
    checks = {"field_uniqueness": "each of these once"}
    messages = [
        f"{folder / frame.at[case['index'], 'file']}, line {frame.at[case['index'], 'line']}, column "
        f"{names.get(case['column'], case['column'])}: '{case['failure_case']}', expected "
        f"{checks.get(case['check'], case['check'])}."
        for case in cases.head(FAILURES_SHOWN).to_dict("records")
    ]
    more = len(cases) - len(messages)
    return "\n".join(messages) + (f"\nand {more} more rows." if more else "")


def load(folder: Path) -> pd.DataFrame:
    """Every row of every CSV in ``folder``, with its id in ``cell`` and its origin in ``file`` and ``line``.

    ``printed`` and ``printed_std`` keep the digits of the paper ("29.10"); ``value`` and ``std`` are the same
    as numbers, and ``decimals`` counts the digits after the point of ``printed``. In an id, ':' stands for a
    '/' inside a name and '-' for an empty name. Raises Problem when there is no row, or when one is not what
    SCHEMA asks: it names file, line, column, value and what is expected.
    """
    rows = [row for file in sorted(folder.glob("*.csv")) for row in _rows(file)]
    if not rows:
        raise Problem(f"{folder} has no printed numbers: expected CSV files with {', '.join(COLUMNS)}.")
    frame = pd.DataFrame(rows, columns=[*COLUMNS, "file", "line"])
    frame = frame.rename(columns={"value": "printed", "std": "printed_std"})
    frame["value"] = pd.to_numeric(frame["printed"], errors="coerce").astype(float)
    frame["std"] = pd.to_numeric(frame["printed_std"], errors="coerce").astype(float)
    frame["decimals"] = decimals(frame["printed"])
    frame["cell"] = frame[KEY].replace({"/": ":", "^$": "-"}, regex=True).agg("/".join, axis=1)
    try:
        return SCHEMA.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        raise Problem(_describe(errors, frame, folder)) from errors


def lookup(published: pd.DataFrame, artifact: str, **columns: str) -> pd.Series | None:
    """The one printed cell of ``artifact`` with these values in these columns; None when there is none.

    Raises Problem when several cells match or a column is unknown.
    """
    for name in columns:
        if name not in published:
            raise Problem(unknown("column of the printed numbers", name, published.columns))
    wanted = {"artifact": artifact, **columns}
    found = published[(published[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    if len(found) > 1:
        cells = ", ".join(found["cell"].head(FAILURES_SHOWN))
        raise Problem(f"{wanted} names {len(found)} printed cells, expected one: {cells}.")
    return None if found.empty else found.iloc[0]
