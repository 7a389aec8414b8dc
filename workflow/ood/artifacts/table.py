"""A table: rows of methods, panels of columns, each entry an id with a printed and a reproduced number."""

from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from ood.artifacts.evidence import Evidence
from ood.published import lookup

DECIMALS = {"percent": 2, "fraction": 3, "ms": 2}
FACTOR = {"percent": 100, "fraction": 1, "ms": 1}
LOWER_IS_BETTER = ("FPR95", "ms")


class Row(NamedTuple):
    """A method: its name in cell ids, its label (TeX), our (detector, variant), the print's columns."""

    key: str
    label: str
    ours: tuple[str, str] | None
    printed: dict[str, str] | None = None


class Column(NamedTuple):
    """A dataset and metric: name in cell ids, plain label, our (benchmark, dataset, metric), the print's columns."""

    key: str
    label: str
    ours: tuple[str, str, str] | None
    printed: dict[str, str] | None = None


class Panel(NamedTuple):
    title: str
    columns: list[Column]


@dataclass
class Table:
    """``artifact`` is the first part of every cell id, ``name`` the file's, ``unit`` the print's."""

    artifact: str
    name: str
    caption: str
    rows: list[Row]
    panels: list[Panel]
    unit: str = "percent"
    foot: str = ""
    ranked: bool = True  # whether the rows compete, so that the best of a column is marked

    def entries(self, evidence: Evidence) -> pd.DataFrame:
        """One line per number: id, row, column, printed and ours as text, and what ours was made from."""
        lines = [
            self._entry(evidence, row, column, panel)
            for panel in self.panels
            for row in self.rows
            for column in panel.columns
            if row.ours or row.printed
        ]
        frame = pd.DataFrame(lines)
        lower = frame["column"].str.contains("|".join(LOWER_IS_BETTER))
        rank = frame["mean"].where(~lower, -frame["mean"])
        columns = rank.groupby(frame["column"])
        best = rank.notna() & (rank == columns.transform("max")) & (columns.transform("count") > 1)
        frame["best"] = best & self.ranked
        absent = frame["printed"].ne("").map({True: "not run", False: "-"})
        frame["shown"] = frame["ours"].where(frame["ours"] != "", absent)
        return frame

    def _entry(self, evidence: Evidence, row: Row, column: Column, panel: Panel) -> dict:
        entry = {
            "id": self.id(row, column),
            "panel": panel.title,
            "row": row.key,
            "column": column.key,
            "printed": "",
            "ours": "",
        }
        if row.printed is not None and column.printed is not None:
            found = lookup(evidence.published, self.artifact, **row.printed, **column.printed)
            if found is not None:
                entry["printed"] = found["printed"] + (f" ± {found['printed_std']}" if found["printed_std"] else "")
        if row.ours and column.ours:
            benchmark, dataset, metric = column.ours
            cell = evidence.cell(benchmark, *row.ours, dataset, metric)
            decimals, factor = DECIMALS[self.unit], FACTOR[self.unit]
            spread = f" ± {cell['std'] * factor:.{decimals}f}" if len(cell["seeds"]) > 1 else ""
            entry["ours"] = f"{cell['mean'] * factor:.{decimals}f}{spread}"
            entry["cell"] = "/".join((benchmark, *row.ours, dataset, metric))
            entry |= {name: cell[name] * factor for name in ("mean", "std", "low", "high") if name in cell}
            entry["seeds"] = len(cell["seeds"])
        return entry | ({} if "mean" in entry else {"cell": "", "mean": float("nan")})

    def id(self, row: Row, column: Column) -> str:
        """The id of an entry."""
        return f"{self.artifact}/{row.key}/{column.key}"

    def kinds(self, panel: Panel) -> list[str]:
        """Which lines a row has in a panel: printed and ours where the paper has numbers, else ours alone."""
        return ["printed", "ours"] if any(column.printed is not None for column in panel.columns) else ["ours"]
