"""Where a printed number comes from: its cell, the files it rests on, and the jobs that made them."""

import ast
import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ood.artifacts import claims
from ood.artifacts.evidence import KEY
from ood.claims import published
from ood.claims.claims import Document, load
from ood.closure import file_of
from ood.errors import Problem
from ood.ledger import RESULTS
from ood.records import Record, Records

EDITIONS = Path(RESULTS, "editions")
NEAR = 5  # ids that are offered for an unknown one
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
    """The files of a run, each read once for all lineages: records, cells, cards, claims, printed cells."""

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


@dataclass
class Lineage:
    """A printed id of an edition: the ``entry`` of its table and the run."""

    id: str
    edition: str
    entry: pd.Series
    run: Run

    @property
    def records(self) -> Records:
        return self.run.records

    @property
    def artifact(self) -> str:
        return self.id.split("/")[0]

    def text(self, column: str) -> str:
        """What the table says in a column, empty where it has nothing."""
        value = self.entry.get(column)
        return "" if value is None or pd.isna(value) else str(value)

    @cached_property
    def key(self) -> dict[str, str]:
        """Benchmark, detector, variant, dataset and metric of ours; empty where it was not run.

        A detector's variant may hold slashes.
        """
        benchmark, _, rest = self.text("cell").partition("/")
        detector, _, rest = rest.partition("/")
        names = (benchmark, detector, *rest.rsplit("/", 2))
        return dict(zip(KEY, names, strict=True)) if benchmark else {}

    @cached_property
    def cell(self) -> pd.Series | None:
        """Our number with the values of its seeds."""
        if not self.key:
            return None
        folder = "timing" if self.key["metric"] == "ms" else "cells"
        return self.run.cells(f"{RESULTS}/{folder}/{self.key['benchmark']}.parquet").loc[tuple(self.key.values())]

    @cached_property
    def printed(self) -> pd.Series | None:
        """The paper's cell, and where it stands."""
        return self.run.published.loc[self.text("published")] if self.text("published") else None

    @cached_property
    def asked(self) -> list[tuple[str, str, str | None]]:
        """Of the verdict on a claim, or on all of a paper, the numbers that it needs: metric, term, place."""
        document, row = self.run.claims, self.entry["row"]
        return [
            number for claim in document.checked() if row in (claim.id, claim.paper) for number in document.asked(claim)
        ]

    @cached_property
    def claim(self) -> tuple[str, set[str]] | None:
        """Of the verdict on a claim the benchmark, and the detectors whose metrics decide it."""
        if self.artifact != claims.NAME:
            return None
        benchmark = self.entry["column"]
        terms, run = self.run.claims.terms, self.run.judged(benchmark)
        used = (terms[term].chosen(run) for metric, term, _ in self.asked if metric != "ms")
        return benchmark, {detector for detector, _ in filter(None, used)}

    @cached_property
    def timed(self) -> bool:
        """Whether it is a time, or a verdict that rests on times."""
        return any(metric == "ms" for metric, *_ in self.asked) if self.claim else self.key.get("metric") == "ms"

    @cached_property
    def whole(self) -> str | None:
        """The benchmark of a number that is neither a cell nor a verdict, as a finding or a count: it rests on many."""
        named = (self.entry["row"], self.entry["column"])
        return None if self.key or self.claim else next((name for name in named if name in self.run.measured), None)

    @cached_property
    def about(self) -> tuple[str | None, set[str]]:
        """The benchmark and the detectors that the number is of, none if it is of many."""
        return (self.key["benchmark"], {self.key["detector"]}) if self.key else self.claim or (self.whole, set())

    @cached_property
    def datasets(self) -> list[str]:
        """The in-distribution set, then those that the number is over."""
        spec = self.run.measured[self.about[0]]
        named = spec["averages"].get(self.key["dataset"], [self.key["dataset"]]) if self.key else spec["datasets"]
        return list(dict.fromkeys([spec["datasets"][0], *(name for name in named if name in spec["datasets"])]))

    @property
    def sentence(self) -> str:
        """What a claim says, and where; of a paper's claims, what is counted."""
        if not self.claim:
            return ""
        row = self.entry["row"]
        said = (f"{claim.claim} ({claim.source})" for claim in self.run.claims.claims if claim.id == row)
        return next(said, f"{row}'s claims, as {' / '.join(claims.COUNTED)}")

    def made_from(self, path: str) -> list[str]:
        """Of a file's inputs those that this number rests on, generated or not."""
        return [given.path for given in self.records[path].inputs if self._concerns(given.path)]

    def _concerns(self, path: str) -> bool:
        benchmark, detectors = self.about
        parts = path.split("/")
        name = parts[-1].partition(".")[0]
        if parts[0] != RESULTS:
            return "published" not in parts or self.claim is not None or self.whole is not None or self._prints(name)
        if benchmark is None:
            return False
        kind, of = parts[1], parts[2].partition(".")[0]
        if kind == "data":
            return of in self.datasets
        if self.whole:
            return kind == "archives" or of == benchmark
        if kind in ("cells", "claims", "timing"):
            wanted = "claims" if self.claim else "timing" if self.timed else "cells"
            return of == benchmark and (kind == wanted or kind == "timing" and self.timed)
        if kind in ("metrics", "scores"):
            return of == benchmark and name in detectors
        if kind in ("features", "attributions"):
            return of == benchmark and name in self.datasets
        return kind == "archives" or of == benchmark

    def _prints(self, name: str) -> bool:
        return self.printed is not None and Path(self.printed["file"]).stem == name

    def files(self) -> list[tuple[int, str]]:
        """The files that the number rests on with their depth below its table, each once."""
        benchmark, detectors = self.about
        datasets = tuple(self.datasets) if benchmark else ()
        printed = None if self.printed is None else self.printed["file"]
        scope = (self.entry["file"], benchmark, *sorted(detectors), datasets, self.timed, printed)
        if scope not in self.run.trees:
            self.run.trees[scope] = list(self._visit(self.entry["file"], 0, set()))
        return self.run.trees[scope]

    def _visit(self, path: str, depth: int, seen: set[str]) -> Iterator[tuple[int, str]]:
        if path not in seen:
            seen.add(path)
            yield depth, path
            for below in self.made_from(path) if path in self.records else ():
                yield from self._visit(below, depth + 1, seen)

    def steps(self) -> list[Record]:
        """One record for each job that the number rests on."""
        found = {self.records[path].job: self.records[path] for _, path in self.files() if path in self.records}
        return list(found.values())

    def cards(self, kind: str) -> dict[str, dict[str, Any]]:
        """The cards of datasets (``data``) or networks (``checkpoints``) among the files."""
        start = f"{RESULTS}/{kind}/"
        folders = dict.fromkeys(path.rpartition("/")[0] for _, path in self.files() if path.startswith(start))
        cards = {folder: f"{folder}/card.json" for folder in folders}
        return {folder: self.run.card(card) for folder, card in cards.items() if Path(card).is_file()}


def method(detector: str) -> str:
    """What a detector's module says of it: name, source, equation, what it departs from."""
    file = file_of(f"ood.detectors.{detector}")
    return " ".join((ast.get_docstring(ast.parse(file.read_text())) or "").split()) if file else ""


def find(id_: str, edition: str, records: Records) -> Lineage:
    """The lineage of a printed id. Raises Problem with the nearest ids for one that is not printed."""
    table = entries(edition)
    if id_ not in table.index:
        near = difflib.get_close_matches(id_, table.index, n=NEAR, cutoff=0.4)
        hint = "\n".join([" Nearest ids:", *near]) if near else ""
        raise Problem(f"{edition} prints no '{id_}'. Ids are artifact/row/column, as in the .csv files.{hint}")
    return Lineage(id_, edition, table.loc[id_], Run(records))
