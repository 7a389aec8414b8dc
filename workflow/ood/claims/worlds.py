"""Where a claim's numbers come from: what a paper prints, or what a benchmark gave; in percent, times in ms."""

from typing import Any

import numpy as np
import pandas as pd

from ood.claims.claims import Claim, Document
from ood.claims.expressions import Number
from ood.errors import Problem

FACTOR = {"fraction": 100, "percent": 1, "ms": 1}
PRINTED_TIME = "time per image"


class NotRun(Exception):
    """No detector here computes what is asked for, or it was not run."""


class Elsewhere(Exception):
    """The benchmark does not have the OOD set or the batch that is asked for."""


def by_score(cells: pd.DataFrame) -> dict[tuple[str, str, str], list[Any]]:
    """The printed cells (ood.claims.published) by artifact, method and metric."""
    found: dict[tuple[str, str, str], list[Any]] = {}
    for row in cells.itertuples():
        found.setdefault((row.artifact, row.method, row.metric), []).append(row)
    return found


class Printed:
    """The tables that a claim is printed in. ``whole``: averages as printed, instead of the mean of their cells.

    ``cells``: of ``by_score``. ``id_dataset``: the cells of this in-distribution set alone, by its printed name;
    averages over several networks are then those of their cells.
    """

    within = 0.0

    def __init__(
        self,
        cells: dict[tuple[str, str, str], list[Any]],
        document: Document,
        claim: Claim,
        whole: bool,
        id_dataset: str | None = None,
    ):
        self.cells, self.document, self.claim, self.whole, self.id_dataset = cells, document, claim, whole, id_dataset
        singles = document.singles if id_dataset else {}
        self.tables = [single for table in claim.printed for single in singles.get(table, [table])]
        first = [row for key, rows in cells.items() if key[0] == self.tables[0] for row in rows if self._there(row)]
        self.sets = list(dict.fromkeys((row.id_dataset, row.ood_dataset) for row in first if not _average(row)))

    def number(self, metric: str, term: str, place: Any) -> Number:
        """Raises Problem when it is not printed."""
        rows = self._rows(metric, term)
        if isinstance(place, tuple):
            rows = [row for row in rows if (row.id_dataset, row.ood_dataset) == place]
        elif place is not None:
            name = self.document.sets[place].printed
            rows = [row for row in rows if (row.variant if metric == "ms" else row.ood_dataset) == name]
        else:
            printed = [row for row in rows if _average(row)]
            rows = printed if self.whole and printed else [row for row in rows if not _average(row)] or printed
        if not rows:
            raise Problem(f"claim {self.claim.id}: no printed cell for {metric} of '{term}' ({place or 'average'}).")
        return Number(
            sum(row.value * FACTOR[row.unit] for row in rows) / len(rows),
            half=sum(0.5 * 10.0**-row.decimals * FACTOR[row.unit] for row in rows) / len(rows),
        )

    def _rows(self, metric: str, term: str) -> list[Any]:
        printed = self.document.terms[term].printed
        table = next((table for table in self.tables if table in printed), None)
        if table is None:
            return []
        method, *variant = printed[table]
        rows = self.cells.get((table, method, PRINTED_TIME if metric == "ms" else metric), [])
        return [row for row in rows if self._there(row) and (not variant or row.variant == variant[0])]

    def _there(self, row: Any) -> bool:
        if self.id_dataset and row.id_dataset != self.id_dataset:
            return False
        return all(getattr(row, column) == value for column, value in self.claim.where.items())


def _average(row: Any) -> bool:
    return row.ood_dataset.startswith("average of")


class Ours:
    """The numbers of one ``benchmark``, which may be ``like`` one of the papers' own.

    metrics: the rows of ``ood.evaluation.evaluate`` for the detectors that were run, with what each was in every
    bootstrap draw; times: the timing file's rows, or none; average: the OOD sets that the average is over.
    """

    def __init__(
        self,
        document: Document,
        metrics: pd.DataFrame,
        times: pd.DataFrame | None,
        average: list[str],
        benchmark: str,
        like: str | None = None,
    ):
        self.document, self.times, self.benchmark, self.like = document, times, benchmark, like
        self.within, self.sets = document.within, average
        self.detectors, self.datasets = set(metrics["detector"]), list(metrics["dataset"].unique())
        self.rows = {(row.detector, row.variant, row.dataset, row.metric): row for row in metrics.itertuples()}

    def number(self, metric: str, term: str, place: str | None) -> Number:
        """Raises NotRun or Elsewhere, and Problem where options of a detector took its variant away."""
        if metric == "ms":
            return self._time(term, place)
        if not self.detectors:
            raise NotRun("no method of the claims is run here")
        dataset = "average" if place is None else self._named(place, self.datasets)
        ours = self.document.terms[term].chosen(self.detectors)
        if ours is None:
            raise NotRun(f"{term} is not run here")
        try:
            row = self.rows[*ours, dataset, metric]
        except KeyError:
            raise Problem(
                f"{self.benchmark} has no '{ours[1]}' of {ours[0]}, of which the claims say something: give "
                f"{ours[0]} its option again in config.yaml, or terms.{term} in paper/claims.yaml another variant."
            ) from None
        return Number(100 * row.mean, 100 * row.values, 100 * row.draws.astype(float))

    def _named(self, place: str, present: list[str]) -> str:
        about = self.document.sets.get(place)
        names = [place, *(about.ours if about else [])]
        name = next((name for name in names if name in present), None)
        if name is None:
            raise Elsewhere(f"there is no {place} here")
        return name

    def _time(self, term: str, place: str) -> Number:
        if self.times is None:
            raise Elsewhere("no times are taken here")
        batch = self._named(place, list(self.times["dataset"]))
        ours = self.document.terms[term].ours
        found = self.times[(self.times["dataset"] == batch) & (self.times["detector"] == (ours[0] if ours else ""))]
        if found.empty:
            raise NotRun(f"{term} is not timed here")
        turns = np.array(found.iloc[0]["values"])
        return Number(float(turns.mean()), turns)
