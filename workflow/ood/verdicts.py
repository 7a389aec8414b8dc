"""Does what the papers claim hold: on their own printed cells, and on one of our benchmarks?

A verdict is ``holds`` or ``fails``; on our scores ``within noise`` where Holm's correction over the claims of one paper
leaves the p-value above 1 - confidence, ``not run`` where a method of the claim was not run, and empty where the claim
does not concern the benchmark. Numbers are in percent (times in ms); the margin is the difference that decides, above 0
where the claim holds, with its interval (ood.significance), uncorrected.
"""

from typing import Any

import numpy as np
import pandas as pd

from ood import claims, published
from ood.claims import Claim, Document
from ood.errors import Problem
from ood.expressions import Judgement, Number
from ood.progress import track
from ood.significance import ENOUGH, error, holm, interval
from ood.step import Input, Inputs, Output, Spec, run

HOLDS, FAILS, NOISE, NOT_RUN, TIE = "holds", "fails", "within noise", "not run", "tie"
FACTOR = {"fraction": 100, "percent": 1, "ms": 1}
PRINTED_TIME = "time per image"


class NotRun(Exception):
    """No detector here computes what is asked for, or it was not run."""


class Elsewhere(Exception):
    """The benchmark does not have the OOD set or the batch that is asked for."""


def by_score(cells: pd.DataFrame) -> dict[tuple[str, str, str], list[Any]]:
    """The printed cells (ood.published) by artifact, method and metric."""
    found: dict[tuple[str, str, str], list[Any]] = {}
    for row in cells.itertuples():
        found.setdefault((row.artifact, row.method, row.metric), []).append(row)
    return found


class Printed:
    """The tables that a claim is printed in. ``whole``: averages as printed, instead of the mean of their cells.

    ``cells``: of ``by_score``. A claim's ``where`` is about the first of its tables.
    """

    within = 0.0

    def __init__(self, cells: dict[tuple[str, str, str], list[Any]], document: Document, claim: Claim, whole: bool):
        self.cells, self.document, self.claim, self.whole = cells, document, claim, whole
        first = [row for key, rows in cells.items() if key[0] == claim.printed[0] for row in rows if self._there(row)]
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
        table = next(table for table in self.claim.printed if table in printed)
        method, *variant = printed[table]
        rows = self.cells.get((table, method, PRINTED_TIME if metric == "ms" else metric), [])
        return [row for row in rows if self._there(row) and (not variant or row.variant == variant[0])]

    def _there(self, row: Any) -> bool:
        restricted = row.artifact == self.claim.printed[0]
        return not restricted or all(getattr(row, column) == value for column, value in self.claim.where.items())


def _average(row: Any) -> bool:
    return row.ood_dataset.startswith("average of")


class Ours:
    """The numbers of one benchmark.

    metrics: the rows of ``ood.evaluate`` for the detectors that were run, with what each was in every bootstrap draw;
    times: the timing file's rows, or none; average: the OOD sets that the average is over.
    """

    def __init__(self, document: Document, metrics: pd.DataFrame, times: pd.DataFrame | None, average: list[str]):
        self.document, self.times = document, times
        self.within, self.sets = document.within, average
        self.detectors, self.datasets = set(metrics["detector"]), list(metrics["dataset"].unique())
        self.rows = {(row.detector, row.variant, row.dataset, row.metric): row for row in metrics.itertuples()}

    def number(self, metric: str, term: str, place: str | None) -> Number:
        """Raises NotRun or Elsewhere."""
        if metric == "ms":
            return self._time(term, place)
        ours = self.document.terms[term].ours
        if ours is None or ours[0] not in self.detectors:
            raise NotRun(f"{term} is not run here")
        dataset = "average" if place is None else self._named(place, self.datasets)
        row = self.rows[*ours, dataset, metric]
        return Number(100 * row.mean, 100 * row.values, 100 * row.draws)

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


def printed_verdict(cells: dict, document: Document, claim: Claim) -> dict[str, Any]:
    """On the paper's own cells: verdict, margin, and the verdict by its printed averages where that is another."""
    if claim.holds is None or not claim.printed:
        return {"printed": "", "printed_margin": np.nan, "by_printed_averages": ""}
    expression = document.expression(claim)
    judged, whole = (expression.judge(Printed(cells, document, claim, whole)) for whole in (False, True))
    verdict, other = (_certain(one) for one in (judged, whole))
    return {
        "printed": verdict,
        "printed_margin": judged.margin.value,
        "by_printed_averages": other if other != verdict else "",
    }


def _certain(judged: Judgement) -> str:
    return {(0.0, 1.0): HOLDS, (1.0, 0.0): FAILS}.get((judged.holds, judged.fails), TIE)


def our_verdict(world: Ours, document: Document, claim: Claim, benchmark: str, confidence: float) -> dict[str, Any]:
    """On a benchmark: the p-value and side, margin and interval, or why there is none."""
    nothing = {"verdict": "", "margin": np.nan, "low": np.nan, "high": np.nan, "p": np.nan, "noise": "", "why": ""}
    if claim.holds is None or (claim.only is not None and benchmark not in claim.only):
        return nothing
    try:
        judged = document.expression(claim).judge(world)
    except Elsewhere as reason:
        return nothing | {"why": str(reason)}
    except NotRun as reason:
        return nothing | {"verdict": NOT_RUN, "why": str(reason)}
    margin = judged.margin
    low, high = interval(margin.value, error(margin.seeds, margin.draws), confidence)
    return {
        "verdict": HOLDS if judged.holds < judged.fails else FAILS,  # until it is known to be within noise
        "margin": margin.value,
        "low": low,
        "high": high,
        "p": min(2 * min(judged.holds, judged.fails), 1.0),
        "noise": _noise(margin),
        "why": "",
    }


def _noise(margin: Number) -> str:
    """What the error is made of, in words."""
    seeds = margin.seeds.size
    if not margin.draws.size > 1:
        return f"{seeds} turns"
    return "images" + (f" and {seeds} seeds" if seeds >= ENOUGH else "")


def corrected(frame: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """With Holm's p-values over the judged claims of each paper, and ``within noise`` where they are too large."""
    p = frame.groupby("paper")["p"].transform(lambda one: _holm_of_finite(one.to_numpy()))
    return frame.assign(p_holm=p, verdict=frame["verdict"].mask(p > 1 - confidence, NOISE))


def _holm_of_finite(p: np.ndarray) -> np.ndarray:
    found = np.full(len(p), np.nan)
    finite = np.isfinite(p)
    found[finite] = holm(p[finite])
    return found


def verdicts(
    document: Input, published_cells: Inputs, metrics: Inputs, times: Inputs, table: Output, spec: Spec
) -> None:
    """One row per claim: what it says, its verdict on the printed cells and on this benchmark.

    metrics: of the benchmark's detectors that claims are about. times: the timing file, if there is one. spec:
    benchmark, average (the OOD sets of it), confidence.
    """
    parsed, cells = claims.load(document), by_score(published.load(published_cells[0].parent))
    wanted = {(detector, variant) for detector, variants in parsed.variants.items() for variant in variants}
    frames = [pd.read_parquet(path) for path in metrics]
    frame = pd.concat(
        [one[[pair in wanted for pair in zip(one["detector"], one["variant"], strict=True)]] for one in frames]
    )
    world = Ours(parsed, frame, pd.read_parquet(times[0]) if times else None, spec["average"])
    rows = [
        {
            **{key: getattr(claim, key) or "" for key in ("id", "paper", "source", "claim", "holds", "unchecked")},
            "benchmark": spec["benchmark"],
            **printed_verdict(cells, parsed, claim),
            **our_verdict(world, parsed, claim, spec["benchmark"], spec["confidence"]),
        }
        for claim in track(parsed.claims, "claim", len(parsed.claims))
    ]
    corrected(pd.DataFrame(rows), spec["confidence"]).to_parquet(table, index=False)


if __name__ == "__main__":
    run(verdicts)
