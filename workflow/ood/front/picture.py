"""The front page's picture: a sign for each claim, a row for what is printed and for every benchmark."""

from collections.abc import Iterator
from io import BytesIO

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath

from ood.artifacts.figure import ID_COLOUR, OOD_COLOUR, style
from ood.claims.verdicts import FAILS, HOLDS, NOISE, NOT_RUN
from ood.front.page import PAPERS
from ood.front.runs import Run

BANDS = (("GAIA", "IGOE"), ("RG",))  # one below the other; about equally many claims in each
WIDTH = 9.3  # inches: 890 pixels in a browser
TABLE_GAP, PAPER_GAP, ROW_GAP = 0.4, 2, 0.4  # in tiles
NORMAL, SMALL, GREY = 8, 7, "#555555"
TICK = Outline([(-1, 0), (-0.3, -0.8), (1, 0.9)])
# Of each verdict its tile and the sign on it, as scatter takes them: told apart by form, by colour, and in grey.
SIGNS = {
    HOLDS: ({"color": ID_COLOUR}, {"marker": TICK, "facecolor": "none", "edgecolor": "white", "s": 24}),
    FAILS: ({"color": OOD_COLOUR}, {"marker": "x", "color": "white", "s": 20}),
    NOISE: ({"color": "#d9d9d9"}, {"marker": "_", "color": GREY, "s": 20}),
    NOT_RUN: ({"facecolor": "none", "edgecolor": "#bbbbbb", "linewidth": 0.6}, {"marker": "", "color": GREY}),
}
Row = tuple[str, pd.Series]  # its name, and its verdicts by claim


def rows(frame: pd.DataFrame, runs: list[Run], missing: list[str]) -> list[list[Row]]:
    """Of ``page.judged``, in groups: print, each run, and one row for all that was not run."""
    made = [[(name, frame[f"{run.name}/{benchmark}"]) for benchmark, name in run.titles.items()] for run in runs]
    left = [[("the papers' own benchmarks", pd.Series(NOT_RUN, frame.index))]] if missing else []
    return [[("as printed", frame["printed"])], *made, *left]


def picture(groups: list[list[Row]], origins: list[str], source: str) -> bytes:
    """An SVG, the same bytes for the same rows. ``source``, the digest of its data, is in its metadata.

    ``origins``: a line each, below the rest.
    """
    ids = groups[0][0][1].index
    bands = [dict(_places(ids, papers)) for papers in BANDS]
    with style(), matplotlib.rc_context({"svg.hashsalt": "front", "font.size": NORMAL}):
        names = max(_length(name) for group in groups for name, _ in group)
        tile = min(_tile(WIDTH - names, claim, x) for band in bands for claim, x in band.items())
        left = -names / tile - 1.5
        height = 3.6 + sum(len(group) + ROW_GAP for group in groups)
        bottom = len(BANDS) * height
        end = bottom + 0.5 + len(origins)
        figure = plt.figure(figsize=(WIDTH, tile * (end + 1)))
        axes = figure.add_axes((0, 0, 1, 1), xlim=(left, left + WIDTH / tile), ylim=(end, -1))
        axes.set_axis_off()
        for place, band in enumerate(bands):
            _band(axes, band, groups, place * height)
        _legend(axes, bottom - 0.6, tile)
        for line, origin in enumerate(origins):
            origin = origin.replace("_", r"$\_$")  # which Computer Modern has only in formulas
            axes.text(-0.4, bottom + 0.7 + line, origin, color=GREY, fontsize=SMALL, va="center")
        made = BytesIO()
        figure.savefig(made, format="svg", metadata={"Date": None, "Creator": None, "Description": source})
        plt.close(figure)
    return made.getvalue()


def parts(claim: str) -> tuple[str, str, str]:
    """Paper, table and number: GAIA-S-T3.2b is GAIA, S-T3, 2b."""
    paper, _, rest = claim.partition("-")
    table, _, number = rest.partition(".")
    return paper, table, number


def _length(text: str) -> float:
    """In inches."""
    return TextPath((0, 0), text, size=NORMAL).get_extents().width / 72


def _tile(space: float, claim: str, x: float) -> float:
    """The largest tile, in inches, with which a claim at ``x`` fits into so many inches, and its table's name too."""
    return (space - _length(parts(claim)[1])) / (x + 2)


def _places(ids: pd.Index, papers: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """The claims of some papers, each with its place from the left, in tiles."""
    x, before = 0.0, ()
    for claim in (claim for paper in papers for claim in ids if parts(claim)[0] == paper):
        now = parts(claim)[:2]
        if before:
            x += 1 + TABLE_GAP * (now != before) + PAPER_GAP * (now[0] != before[0])
        before = now
        yield claim, x


def _band(axes: Axes, places: dict[str, float], groups: list[list[Row]], top: float) -> None:
    heads: dict[tuple, float] = {}
    for claim, x in places.items():
        paper, table, number = parts(claim)
        axes.text(x, top + 2, number, fontsize=SMALL, color=GREY, ha="center", va="center")
        heads |= {head: x for head in ((0, PAPERS[paper]), (1, paper, table)) if head not in heads}
    for (line, *_, text), x in heads.items():
        axes.text(x - 0.4, top + line, text, fontsize=NORMAL if line else 10, va="center")
    y = top + 2
    for group in groups:
        for name, verdicts in group:
            y += 1
            axes.text(-1, y, name, ha="right", va="center")
            for verdict in SIGNS:
                _signs(axes, [x for claim, x in places.items() if verdicts[claim] == verdict], y, verdict)
        y += ROW_GAP


def _signs(axes: Axes, xs: list[float], y: float, verdict: str) -> None:
    tile, sign = SIGNS[verdict]
    axes.scatter(xs, [y] * len(xs), **{"marker": "s", "s": 90, "linewidth": 0} | tile)
    axes.scatter(xs, [y] * len(xs), **{"linewidth": 1.1} | sign)


def _legend(axes: Axes, y: float, tile: float) -> None:
    x = 0.0
    for verdict in SIGNS:
        _signs(axes, [x], y, verdict)
        axes.text(x + 0.8, y, verdict, va="center")
        x += 2.3 + _length(verdict) / tile
    axes.text(x - 0.5, y, "no tile: the claim does not concern the benchmark", va="center")
