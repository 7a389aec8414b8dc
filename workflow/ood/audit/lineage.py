"""Where a printed number comes from: its cell, the files it rests on, and the jobs that made them."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ood import published
from ood.artifacts import claims
from ood.audit.records import Record, Records
from ood.claims import load
from ood.closure import file_of
from ood.errors import Problem
from ood.ledger import RESULTS

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
    read = {"dtype": dict.fromkeys(("printed", "ours", "difference", "published", "cell", "mark"), str)}
    frames = [pd.read_csv(path, **read).assign(file=str(path)) for path in files]
    return pd.concat(frames, ignore_index=True).set_index("id")


@dataclass
class Lineage:
    """A printed id of an edition: the ``entry`` of its table and the records of the run."""

    id: str
    edition: str
    entry: pd.Series
    records: Records

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
        parts = self.text("cell").split("/")
        if len(parts) < 5:
            return {}
        return {
            "benchmark": parts[0],
            "detector": parts[1],
            "variant": "/".join(parts[2:-2]),
            "dataset": parts[-2],
            "metric": parts[-1],
        }

    @cached_property
    def cell(self) -> pd.Series | None:
        """Our number with the values of its seeds."""
        if not self.key:
            return None
        folder = "timing" if self.key["metric"] == "ms" else "cells"
        frame = pd.read_parquet(Path(RESULTS, folder, f"{self.key['benchmark']}.parquet"))
        return frame[(frame[list(self.key)] == pd.Series(self.key)).all(axis=1)].iloc[0]

    @cached_property
    def printed(self) -> pd.Series | None:
        """The paper's cell, and where it stands."""
        cells = published.load(PUBLISHED).set_index("cell", drop=False) if self.text("published") else None
        return None if cells is None else cells.loc[self.text("published")]

    @cached_property
    def claim(self) -> tuple[str, set[str]] | None:
        """Of the verdict on a claim the benchmark, and the detectors that the claim is about."""
        if self.artifact != claims.NAME:
            return None
        document = load(CLAIMS)
        asked = (document.asked(claim) for claim in document.checked() if self.entry["row"] in (claim.id, claim.paper))
        terms = (document.terms[term].ours for numbers in asked for _, term, _ in numbers)
        return self.entry["column"], {ours[0] for ours in terms if ours}

    @cached_property
    def about(self) -> tuple[str | None, set[str]]:
        """The benchmark and the detectors that the number is of."""
        return (self.key["benchmark"], {self.key["detector"]}) if self.key else self.claim or (None, set())

    @cached_property
    def datasets(self) -> list[str]:
        """The in-distribution set, then those that the number is over."""
        measured = (path for path in self.records if path.startswith(f"{RESULTS}/metrics/{self.about[0]}/"))
        spec = self.records[next(measured)].spec
        named = spec["averages"].get(self.key["dataset"], [self.key["dataset"]]) if self.key else spec["datasets"]
        return list(dict.fromkeys([spec["datasets"][0], *(name for name in named if name in spec["datasets"])]))

    def made_from(self, path: str) -> list[str]:
        """Of a file's inputs those that this number rests on, generated or not."""
        return [given.path for given in self.records[path].inputs if self._concerns(given.path)]

    def _concerns(self, path: str) -> bool:
        benchmark, detectors = self.about
        parts, name = Path(path).parts, Path(path).stem
        if parts[0] != RESULTS:
            return "published" not in parts or self.claim is not None or self._prints(name)
        if benchmark is None:
            return False
        kind, of = parts[1], parts[2].partition(".")[0]
        if kind == "data":
            return of in self.datasets
        if kind in ("cells", "claims", "timing"):
            wanted = "claims" if self.claim else "timing" if self.key["metric"] == "ms" else "cells"
            return (kind, of) == (wanted, benchmark)
        if kind in ("metrics", "scores"):
            return of == benchmark and name in detectors
        if kind in ("features", "attributions"):
            return of == benchmark and name in self.datasets
        return kind == "archives" or of == benchmark

    def _prints(self, name: str) -> bool:
        return self.printed is not None and Path(self.printed["file"]).stem == name

    def files(self) -> Iterator[tuple[int, str]]:
        """The files that the number rests on with their depth below its table, each once."""
        seen = set()

        def visit(path: str, depth: int) -> Iterator[tuple[int, str]]:
            if path in seen:
                return
            seen.add(path)
            yield depth, path
            if path in self.records:
                for below in self.made_from(path):
                    yield from visit(below, depth + 1)

        return visit(self.entry["file"], 0)

    def steps(self) -> list[Record]:
        """One record for each job that the number rests on."""
        found = {self.records[path].job: self.records[path] for _, path in self.files() if path in self.records}
        return list(found.values())

    def cards(self, kind: str) -> dict[str, dict[str, Any]]:
        """The cards of datasets (``data``) or networks (``checkpoints``) among the files."""
        start = f"{RESULTS}/{kind}/"
        folders = dict.fromkeys(str(Path(path).parent) for _, path in self.files() if path.startswith(start))
        cards = {folder: Path(folder, "card.json") for folder in folders}
        return {folder: json.loads(card.read_text()) for folder, card in cards.items() if card.is_file()}


def method(detector: str) -> str:
    """The first paragraph of a detector's docstring: name, source, what it departs from."""
    file = file_of(f"ood.detectors.{detector}")
    text = file.read_text().split('"""')[1] if file else ""
    return " ".join(text.strip().split("\n\n")[0].split())


def find(id_: str, edition: str, records: Records) -> Lineage:
    """The lineage of a printed id. Raises Problem with the nearest ids for one that is not printed."""
    table = entries(edition)
    if id_ not in table.index:
        near = difflib.get_close_matches(id_, table.index, n=NEAR, cutoff=0.4)
        hint = "\n".join([" Nearest ids:", *near]) if near else ""
        raise Problem(f"{edition} prints no '{id_}'. Ids are artifact/row/column, as in the .csv files.{hint}")
    return Lineage(id_, edition, table.loc[id_], records)
