"""The files of a run, each read once: what its editions print, cells, cards, claims, and what a method is."""

import ast
import json
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ood.artifacts.evidence import KEY
from ood.claims import published
from ood.claims.claims import Document, load
from ood.closure import file_of
from ood.errors import Problem
from ood.ledger import RESULTS
from ood.records import Records

EDITIONS = Path(RESULTS, "editions")
PUBLISHED, CLAIMS = Path("paper/published"), Path("paper/claims.yaml")


def editions() -> list[str]:
    """Those of which there are results."""
    return sorted(path.name for path in EDITIONS.iterdir() if path.is_dir()) if EDITIONS.is_dir() else []


def entries(edition: str) -> pd.DataFrame:
    """Every printed id of an edition: the rows of its tables' .csv files, with ``file``, indexed by id."""
    files = sorted((EDITIONS / edition / "artifacts").rglob("*.csv"))
    if not files:
        raise Problem(f"{EDITIONS / edition} has no tables. Make them first: snakemake --cores 2 {edition}")
    return read(files)


def read(tables: Iterable[Path]) -> pd.DataFrame:
    """The rows of .csv files, with ``file``, indexed by id."""
    text = dict.fromkeys(("printed", "ours", "difference", "published", "cell", "mark"), str)
    frames = [pd.read_csv(path, dtype=text).assign(file=str(path)) for path in tables]
    return pd.concat(frames, ignore_index=True).set_index("id")


class Run:
    """Of a run its records, cells, cards, claims and printed cells."""

    def __init__(self, records: Records):
        self.records = records
        self.cells, self.card, self.method = cache(_cells), cache(_card), cache(method)
        self.trees: dict[tuple, list[tuple[int, str]]] = {}

    @cached_property
    def published(self) -> pd.DataFrame:
        return published.load(PUBLISHED).set_index("cell", drop=False)

    @cached_property
    def claims(self) -> Document:
        return load(CLAIMS)

    @cached_property
    def measured(self) -> dict[str, dict[str, Any]]:
        """Of every benchmark the parameters of the metrics that its cells are made from: datasets and averages."""
        cells = {path: record for path, record in self.records.items() if path.startswith(f"{RESULTS}/cells/")}
        metrics = ((Path(path).stem, name) for path, of in cells.items() for name in of.arguments().get("metrics", []))
        return {benchmark: self.records[name].spec for benchmark, name in metrics if name in self.records}

    def judged(self, benchmark: str) -> set[str]:
        """The detectors whose metrics the verdicts on a benchmark are made from."""
        verdicts = self.records.get(f"{RESULTS}/claims/{benchmark}.parquet")
        return {Path(path).stem for path in verdicts.arguments().get("metrics", [])} if verdicts else set()


def _cells(file: str) -> pd.DataFrame:
    return pd.read_parquet(file).set_index(KEY)


def _card(file: str) -> dict[str, Any]:
    return json.loads(Path(file).read_text())


def method(detector: str) -> str:
    """What a detector's module says of it: name, source, equation, what it departs from."""
    file = file_of(f"ood.detectors.{detector}")
    return " ".join((ast.get_docstring(ast.parse(file.read_text())) or "").split()) if file else ""
