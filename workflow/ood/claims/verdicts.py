"""Does what the papers claim hold: on their own printed cells, and on one of our benchmarks?

A verdict is ``holds`` or ``fails``; on our scores ``within noise`` where Holm's correction over the claims of one paper
leaves the p-value above 1 - confidence, ``not run`` where a method of the claim was not run, and empty where the claim
does not concern the benchmark. Numbers are in percent (times in ms); the margin is the difference that decides, above 0
where the claim holds, with its interval (ood.claims.significance), uncorrected, and the comparison that it is of.
"""

from typing import Any

import numpy as np
import pandas as pd

from ood.claims import claims, published
from ood.claims.claims import Claim, Document
from ood.claims.expressions import Judgement, Number
from ood.claims.papers import printed_id
from ood.claims.significance import error, holm, interval
from ood.claims.worlds import Elsewhere, NotRun, Ours, Printed, by_score
from ood.progress import track
from ood.step import Input, Inputs, Output, Spec, run

HOLDS, FAILS, NOISE, NOT_RUN, TIE = "holds", "fails", "within noise", "not run", "tie"
COPIED = ("id", "paper", "source", "claim", "holds", "unchecked", "form_of")


def printed_verdict(cells: dict, document: Document, claim: Claim) -> dict[str, Any]:
    """On the paper's own cells: verdict, margin, and the verdict by its printed averages where that is another."""
    if claim.holds is None or not claim.printed:
        return {"printed": "", "printed_margin": np.nan, "by_printed_averages": ""}
    expression = document.expression(claim)
    judged, whole = (expression.judge(Printed(cells, document, claim, whole)) for whole in (False, True))
    verdict, other = (_certain(outcome) for outcome in (judged, whole))
    return {
        "printed": verdict,
        "printed_margin": judged.margin.value,
        "by_printed_averages": other if other != verdict else "",
    }


def printed_there(
    cells: dict, document: Document, claim: Claim, benchmark: str, reproduces: str | None, id_dataset: str | None
) -> str:
    """The verdict on the cells printed for one in-distribution set, for a benchmark of which that is the paper's own.

    A claim about the mean over several networks may fail on one of them. Empty where it does not concern the benchmark,
    is not printed for that set, or hangs on the digits that the print rounds away.
    """
    if not id_dataset or claim.holds is None or not claim.printed or not claim.concerns(benchmark, reproduces):
        return ""
    world = Printed(cells, document, claim, whole=False, id_dataset=id_dataset)
    if not world.sets:
        return ""
    judged = document.expression(claim).judge(world)
    return _certain(judged) if abs(judged.margin.value) > judged.margin.half else ""


def _certain(judged: Judgement) -> str:
    return {(0.0, 1.0): HOLDS, (1.0, 0.0): FAILS}.get((judged.holds, judged.fails), TIE)


def our_verdict(world: Ours, document: Document, claim: Claim, confidence: float) -> dict[str, Any]:
    """On a benchmark that the claim concerns: the p-value and side, margin and interval, or why there is none."""
    nothing = {"verdict": ""} | dict.fromkeys(("margin", "low", "high", "p"), np.nan)
    nothing |= dict.fromkeys(("noise", "decided", "why"), "")
    if claim.holds is None or not claim.concerns(world.benchmark, world.like):
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
        "decided": margin.name,
        "why": "",
    }


def _noise(margin: Number) -> str:
    """What the error is made of, in words."""
    seeds = margin.seeds.size
    if not margin.draws.size > 1:
        return f"{seeds} turns"
    return "images" + (f" and {seeds} seeds" if seeds > 1 else "")


def corrected(frame: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """With Holm's p-values over the judged claims of each paper, and ``within noise`` where they are too large."""
    p = frame.groupby("paper")["p"].transform(lambda values: _holm_of_finite(values.to_numpy()))
    return frame.assign(p_holm=p, verdict=frame["verdict"].mask(p > 1 - confidence, NOISE))


def counted(frame: pd.DataFrame, column: str) -> pd.Series:
    """The verdicts of a column that count, one for each sentence that it judges or could: no readings of ours.

    Of the forms of one sentence that is the first with a verdict, else the first that was not run. frame: one line per
    claim, with ``id``, ``reading`` and ``form_of``.
    """
    said = frame[~frame["reading"] & (frame[column] != "")]
    sentence = said["form_of"].where(said["form_of"] != "", said["id"])
    judged_first = (said[column] == NOT_RUN).sort_values(kind="stable").index
    return said.loc[sentence[judged_first].drop_duplicates().index, column]


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
    benchmark, id (its in-distribution set), reproduces and resembles (one of the papers' own or None), average (the OOD
    sets of it), confidence.
    """
    parsed, cells = claims.load(document), by_score(published.load(published_cells[0].parent))
    wanted = {(detector, variant) for detector, variants in parsed.variants.items() for variant in variants}
    frames = [pd.read_parquet(path) for path in metrics]
    frames = [
        frame[[pair in wanted for pair in zip(frame["detector"], frame["variant"], strict=True)]] for frame in frames
    ]
    frame = pd.concat(frames) if frames else pd.DataFrame(columns=["detector", "dataset"])
    taken = pd.read_parquet(times[0]) if times else None
    like = spec["reproduces"] or spec["resembles"]
    world = Ours(parsed, frame, taken, spec["average"], spec["benchmark"], like)
    id_dataset = printed_id(spec["reproduces"], spec["id"])
    rows = [
        {
            **{key: getattr(claim, key) or "" for key in COPIED},
            "reading": claim.reading,
            "benchmark": spec["benchmark"],
            **printed_verdict(cells, parsed, claim),
            "printed_there": printed_there(cells, parsed, claim, spec["benchmark"], spec["reproduces"], id_dataset),
            **our_verdict(world, parsed, claim, spec["confidence"]),
        }
        for claim in track(parsed.claims, "claim", len(parsed.claims))
    ]
    corrected(pd.DataFrame(rows), spec["confidence"]).to_parquet(table, index=False)


if __name__ == "__main__":
    run(verdicts)
