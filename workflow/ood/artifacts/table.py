"""A table: rows of methods, panels of columns, each entry an id with a printed and a reproduced number.

The .tex holds the layout and ids only. The .csv holds the numbers; the macros that print them are made from it
(ood.paper), so that no number reaches the page but through its id.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ood.artifacts.evidence import Evidence
from ood.published import lookup

HTML = (
    "body{font:14px sans-serif} table{border-collapse:collapse;margin:1em 0} th,td{padding:.2em .8em;text-align:right;"
    "border:0} thead{border-bottom:1px solid #888} tr:nth-child(even){background:#f4f4f4}"
)
DECIMALS = {"percent": 2, "fraction": 3}
FACTOR = {"percent": 100, "fraction": 1}
LOWER_IS_BETTER = ("FPR95",)


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


def heading(label: str) -> str:
    """A column's label as TeX; an ID-OOD pair takes two lines."""
    identity, arrow, ood = label.partition(" \u2192 ")
    return rf"\shortstack[r]{{{identity}\\$\to$ {ood}}}" if arrow else label


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
        frame["best"] = rank.notna() & (rank == columns.transform("max")) & (columns.transform("count") > 1)
        absent = frame["printed"].ne("").map({True: "not run", False: "-"})
        frame["shown"] = frame["ours"].where(frame["ours"] != "", absent)
        return frame

    def _entry(self, evidence: Evidence, row: Row, column: Column, panel: Panel) -> dict:
        entry = {
            "id": self._id(row, column),
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
            entry |= {name: cell[name] * factor for name in ("mean", "std", "low", "high")}
            entry["seeds"] = len(cell["seeds"])
        return entry | ({} if "mean" in entry else {"cell": "", "mean": float("nan")})

    def save(self, evidence: Evidence) -> pd.DataFrame:
        """Write .csv, .tex, .html and .txt under the evidence's ``out``; returns the numbers with their ids."""
        frame = self.entries(evidence)
        base = evidence.out / self.name
        frame.drop(columns="shown").to_csv(f"{base}.csv", index=False, lineterminator="\n")
        Path(f"{base}.tex").write_text(self._latex())
        wide = [self._wide(panel, frame) for panel in self.panels]
        Path(f"{base}.html").write_text(
            "\n".join(
                [f"<style>{HTML}</style><h3>{self.name}: {self.caption}</h3>", *(part.to_html() for part in wide)]
            )
            + "\n"
        )
        Path(f"{base}.txt").write_text("\n".join([self.caption, *(part.to_string() for part in wide)]) + "\n")
        return frame.set_index("id")[["printed", "shown"]].rename(columns={"shown": "ours"})

    def _kinds(self, panel: Panel) -> list[str]:
        """Which lines a row has in a panel: printed and ours where the paper has numbers, else ours alone."""
        return ["printed", "ours"] if any(column.printed is not None for column in panel.columns) else ["ours"]

    def _wide(self, panel: Panel, frame: pd.DataFrame) -> pd.DataFrame:
        """One panel as a browser or a terminal shows it."""
        text = frame.set_index("id")
        kinds = self._kinds(panel)
        lines = {}
        for row in self.rows:
            for kind in kinds:
                ids = [self._id(row, column) for column in panel.columns]
                column = "shown" if kind == "ours" else "printed"
                lines[row.key if len(kinds) == 1 else f"{row.key}, {kind}"] = [text.at[name, column] for name in ids]
        return pd.DataFrame.from_dict(
            lines, "index", columns=pd.Index([c.label for c in panel.columns], name=panel.title)
        )

    def _id(self, row: Row, column: Column) -> str:
        return f"{self.artifact}/{row.key}/{column.key}"

    def _latex(self) -> str:
        lines = [r"\begin{table}[htbp]", r"\centering\small", rf"\caption{{{self.caption}}}", rf"\label{{{self.name}}}"]
        for panel in self.panels:
            kinds = self._kinds(panel)
            lead = "ll" if len(kinds) == 2 else "l"
            lines += [
                rf"\fitted{{\begin{{tabular}}{{@{{}}{lead}{'r' * len(panel.columns)}@{{}}}}",
                r"\toprule",
                " & ".join([panel.title, *[""] * (len(lead) - 1), *(heading(column.label) for column in panel.columns)])
                + r" \\",
                r"\midrule",
            ]
            for row in self.rows:
                for kind in kinds:
                    label = row.label if kind == kinds[0] else ""
                    which = [kind] if len(kinds) == 2 else []
                    ids = [self._id(row, column) for column in panel.columns]
                    lines.append(" & ".join([label, *which, *(rf"\{kind}{{{name}}}" for name in ids)]) + r" \\")
            lines += [r"\bottomrule", r"\end{tabular}}", r"\par\medskip"]
        lines += [rf"\tablefoot{{{self.foot}}}" if self.foot else "%", r"\end{table}"]
        return "\n".join(lines) + "\n"


def panels(evidence: Evidence, benchmark: str, metrics: tuple[str, ...] = ("AUROC", "FPR95")) -> list[Panel]:
    """For one of our benchmarks: a panel per metric, a column per OOD set and one for their average."""
    return [
        Panel(
            metric,
            [
                Column(f"{benchmark} {name} {metric}", evidence.title(name), (benchmark, name, metric))
                for name in evidence.columns(benchmark)
            ],
        )
        for metric in metrics
    ]


def printed_panels(datasets: dict[str, dict[str, str]], metrics: tuple[str, ...]) -> list[Panel]:
    """For one of the papers' own benchmarks: label -> the print's ID and OOD columns; ours were not run."""
    return [
        Panel(
            metric,
            [
                Column(f"{' '.join(names.values())} {metric}", label, None, {**names, "metric": metric})
                for label, names in datasets.items()
            ],
        )
        for metric in metrics
    ]


IMAGENET = {
    label: {"id_dataset": "ImageNet-1k", "ood_dataset": name}
    for label, name in {
        **{name: name for name in ("iNaturalist", "SUN", "Places", "Textures")},
        "Average": "average of 4",
    }.items()
}
