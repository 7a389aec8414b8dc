"""A table: rows of methods, panels of columns, each entry an id with a printed and a reproduced number.

Where it has both, the difference is *within noise* if it is no larger than ``noise``: half a unit of the last printed
digit plus the half width of an interval. With n seeds that is the prediction interval of one more network, whose
number a paper mostly prints, t s sqrt(1/n + 1); where a spread s' is printed too, t sqrt((s^2 + s'^2)/n), as if over as
many; with one network it is that of the bootstrap over images. All take the paper's network for another draw of ours.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from ood.artifacts.evidence import Evidence
from ood.claims.published import lookup

DECIMALS = {"percent": 2, "fraction": 3, "ms": 2}
FACTOR = {"percent": 100, "fraction": 1, "ms": 1}
LOWER_IS_BETTER = ("FPR95", "ms")
KINDS = ("printed", "ours", "difference")
NOT_RUN = "not run"
SLIP = r"$^\ddagger$"  # beside a printed average that is not the mean of the cells printed with it


def noise(cell: pd.Series, printed: pd.Series, factor: float, confidence: float) -> float:
    """Up to which difference ours agrees with a printed number, in the print's unit; NaN where nothing is known.

    ``confidence`` is that of the interval over seeds; a single network's, over images, is in its cell.
    """
    count, rounding = len(cell["values"]), 0.5 * 10.0 ** -printed["decimals"]
    if count == 1:
        return factor * (cell["high"] - cell["low"]) / 2 + rounding if "high" in cell else np.nan
    spread = factor * cell["std"]
    variance = spread**2 * (1 + 1 / count) if np.isnan(printed["std"]) else (spread**2 + printed["std"] ** 2) / count
    return float(stdtrit(count - 1, (1 + confidence) / 2) * np.sqrt(variance)) + rounding


def alike(value: float, text: str) -> str:
    """A number with as many decimals as the one that a text begins with."""
    return f"{value:.{len(text.partition(' ')[0].partition('.')[2])}f}"


def shown(entries: pd.DataFrame) -> pd.Series:
    """Ours as a reader sees it: without one *not run* where something is printed, else a dash."""
    absent = entries["printed"].ne("").map({True: NOT_RUN, False: "-"})
    return entries["ours"].where(entries["ours"] != "", absent)


class Row(NamedTuple):
    """A method: its name in cell ids, its label (TeX), our (detector, variant), the print's columns.

    ``instead``: what stands in our columns where there is nothing of ours on purpose. ``note``: which variant ours is,
    where it is not the method's default or the table has a choice (TeX).
    """

    key: str
    label: str
    ours: tuple[str, str] | None
    printed: dict[str, str] | None = None
    instead: str = ""
    note: str = ""

    @property
    def noted(self) -> str:
        """The label with the note."""
        return f"{self.label} ({self.note})" if self.note else self.label


class Column(NamedTuple):
    """A dataset and metric: name in cell ids, plain label, our (benchmark, dataset, metric), the print's columns."""

    key: str
    label: str
    ours: tuple[str, str, str] | None
    printed: dict[str, str] | None = None


class Panel(NamedTuple):
    """The columns that stand side by side, under a title; a table's panels stand one below the other."""

    title: str
    columns: list[Column]


@dataclass
class Table:
    """``artifact`` is the first part of every cell id, ``name`` the file's, ``unit`` the print's.

    ``numbers``: those that the foot cites, text by what it is of (``cited``).
    """

    artifact: str
    name: str
    caption: str
    rows: list[Row]
    panels: list[Panel]
    unit: str = "percent"
    foot: str = ""
    ranked: bool = True  # whether the rows compete, so that the best of a column is marked
    numbers: dict[str, str] = field(default_factory=dict)

    def entries(self, evidence: Evidence) -> pd.DataFrame:
        """One line per number: id, row, column, printed and ours as text, and which cells these are."""
        lines = [
            self._entry(evidence, row, column, panel)
            for panel in self.panels
            for row in self.rows
            for column in panel.columns
            if row.ours or row.printed
        ]
        frame = pd.DataFrame(lines)
        lower = frame["column"].str.rpartition(" ")[2].isin(LOWER_IS_BETTER)  # the metric: names may hold one
        columns = frame["mean"].where(lower, -frame["mean"]).groupby(frame["column"])
        place = columns.rank(method="min").where(columns.transform("count") > 2)
        frame["mark"] = place.map({1: "best", 2: "second"}).fillna("") if self.ranked else ""
        return frame.assign(shown=shown(frame), mean_of_cells=frame["published"].map(evidence.slips).fillna(""))

    def _entry(self, evidence: Evidence, row: Row, column: Column, panel: Panel) -> dict:
        entry = {
            "id": self.id(row, column),
            "panel": panel.title,
            "row": row.key,
            "column": column.key,
            "printed": "",
            "ours": (row.instead or NOT_RUN) if column.ours else "",
            "difference": "",
            "published": "",
            "cell": "",
            "mean": float("nan"),
        }
        found, cell = self._printed(evidence, row, column), self._cell(evidence, row, column)
        decimals, factor = DECIMALS[self.unit], FACTOR[self.unit]
        if found is not None:
            entry["published"] = found["cell"]
            entry["printed"] = found["printed"] + (f" ± {found['printed_std']}" if found["printed_std"] else "")
        if cell is not None:
            spread = f" ± {cell['std'] * factor:.{decimals}f}" if len(cell["seeds"]) > 1 else ""
            entry["ours"] = f"{cell['mean'] * factor:.{decimals}f}{spread}"
            entry["cell"] = "/".join((column.ours[0], *row.ours, *column.ours[1:]))
            entry |= {name: cell[name] * factor for name in ("mean", "std", "low", "high") if name in cell}
            entry["seeds"] = len(cell["seeds"])
        if found is not None and cell is not None:
            limit, off = noise(cell, found, factor, evidence.confidence), cell["mean"] * factor - found["value"]
            entry |= {"difference": f"{off:+.{decimals}f}" + ("" if abs(off) <= limit else " *"), "noise": limit}
        return entry

    def _printed(self, evidence: Evidence, row: Row, column: Column) -> pd.Series | None:
        if row.printed is None or column.printed is None:
            return None
        return lookup(evidence.published, self.artifact, **row.printed, **column.printed)

    def _cell(self, evidence: Evidence, row: Row, column: Column) -> pd.Series | None:
        if not row.ours or not column.ours:
            return None
        benchmark, dataset, metric = column.ours
        return evidence.cell(benchmark, *row.ours, dataset, metric) if evidence.runs(benchmark, row.ours[0]) else None

    def id(self, row: Row, column: Column) -> str:
        """The id of an entry."""
        return f"{self.artifact}/{row.key}/{column.key}"

    def kinds(self, panel: Panel) -> tuple[str, ...]:
        """Which lines a row has in a panel: ours or print alone, or both, with their difference if there is one."""
        if all(column.printed is None for column in panel.columns):
            return ("ours",)
        if all(column.ours is None for column in panel.columns):
            return ("printed",)
        return KINDS if any(column.ours and column.printed for column in panel.columns) else KINDS[:2]

    def head(self, panel: Panel) -> str:
        """A panel's title; of one that nothing was run of it says so."""
        return f"{panel.title} (printed; not run)" if self.kinds(panel) == ("printed",) else panel.title

    def cited(self, what: str) -> str:
        """The id of a number in the foot."""
        return f"{self.artifact}/{self.name.partition('.')[2] or 'foot'}/{what}"

    def with_slips(self, entries: pd.DataFrame) -> "Table":
        """The table whose foot says, of printed averages that do not follow from their cells, what does."""
        slips = entries[entries["mean_of_cells"] != ""]
        if slips.empty:
            return self
        labels = {row.key: row.label for row in self.rows}
        numbers = {f"mean of the cells, {line.row}, {line.panel}": line.mean_of_cells for line in slips.itertuples()}
        named = [f"{labels[line.row]}, {line.panel}" for line in slips.itertuples()]
        means = "; ".join(rf"\ours{{{self.cited(what)}}} ({of})" for what, of in zip(numbers, named, strict=True))
        foot = f"{self.foot} {SLIP}: not the mean of the cells beside it; mean of the cells: {means}."
        return replace(self, foot=foot, numbers=self.numbers | numbers)
