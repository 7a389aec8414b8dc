"""Where a printed number comes from: its cell, the files it rests on, and the jobs that made them."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ood.artifacts import claims
from ood.artifacts.evidence import KEY
from ood.audit.run import Run, entries
from ood.errors import Problem
from ood.ledger import RESULTS
from ood.records import Record, Records

NEAR = 5  # ids that are offered for an unknown one


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


def find(id_: str, edition: str, records: Records) -> Lineage:
    """The lineage of a printed id. Raises Problem with the nearest ids for one that is not printed."""
    table = entries(edition)
    if id_ not in table.index:
        near = difflib.get_close_matches(id_, table.index, n=NEAR, cutoff=0.4)
        hint = "\n".join([" Nearest ids:", *near]) if near else ""
        raise Problem(f"{edition} prints no '{id_}'. Ids are artifact/row/column, as in the .csv files.{hint}")
    return Lineage(id_, edition, table.loc[id_], Run(records))
