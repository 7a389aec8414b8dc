"""A table as files: for the appendix, for reading by program, for a browser, for a terminal.

The .tex holds the layout and ids only. The .csv holds the numbers; the macros that print them are made from it
(ood.paper), so that no number reaches the page but through its id.
"""

import textwrap
from pathlib import Path

import pandas as pd

from ood.artifacts import page
from ood.artifacts.evidence import Evidence
from ood.artifacts.table import Panel, Table

# Of a table over pages: its beginning, and signs that TeX takes for its own.
START = r"\par\begingroup\footnotesize\setlength{\parindent}{0pt}\setlength{\LTcapwidth}{\linewidth}"
SPECIAL = str.maketrans({sign: "\\" + sign for sign in "&%$#_{}"})


def save(evidence: Evidence, table: Table) -> pd.DataFrame:
    """Write .csv, .tex, .html and .txt under the evidence's ``out``; returns the numbers with their ids."""
    entries = table.entries(evidence)
    base = evidence.out / table.name
    entries.drop(columns="shown").to_csv(f"{base}.csv", index=False, lineterminator="\n")
    Path(f"{base}.tex").write_text(latex(table))
    frames = [panel_frame(table, panel, entries) for panel in table.panels]
    Path(f"{base}.html").write_text(browsed(table, entries))
    Path(f"{base}.txt").write_text("\n".join([table.caption, *(frame.to_string() for frame in frames)]) + "\n")
    return entries.set_index("id")[["printed", "shown", "difference"]].rename(columns={"shown": "ours"})


def panel_frame(table: Table, panel: Panel, entries: pd.DataFrame) -> pd.DataFrame:
    """One panel as a browser or a terminal shows it."""
    text = entries.set_index("id")
    kinds = table.kinds(panel)
    lines = {}
    for row in table.rows:
        for kind in kinds:
            ids = [table.id(row, column) for column in panel.columns]
            column = "shown" if kind == "ours" else kind
            lines[row.key if len(kinds) == 1 else f"{row.key}, {kind}"] = [text.at[name, column] for name in ids]
    return pd.DataFrame.from_dict(
        lines, "index", columns=pd.Index([c.label for c in panel.columns], name=table.head(panel))
    )


def browsed(table: Table, entries: pd.DataFrame) -> str:
    """The page for a browser: a row per method, whose entries hold ours, what is printed, and the difference."""
    found = entries.set_index("id")

    def entry(name: str) -> page.Entry:
        line = found.loc[name]
        value = line["mean"] if line["cell"] else line["printed"].split(" ")[0]
        interval = f", interval {line['low']:.2f} to {line['high']:.2f}" if pd.notna(line.get("low")) else ""
        html = page.number(line["shown"], line["printed"], line["difference"], line["mark"])
        return page.Entry(html, value, name, interval)

    tables = [
        page.table(
            table.head(panel),
            [column.label for column in panel.columns],
            {row.key: [entry(table.id(row, column)) for column in panel.columns] for row in table.rows},
        )
        for panel in table.panels
    ]
    return page.page(table.name, table.caption, [table.foot], tables)


def heading(label: str) -> str:
    """A column's label as TeX; an ID-OOD pair or a long label takes two lines or more."""
    identity, arrow, ood = label.partition(" \u2192 ")
    lines = [identity, rf"$\to$ {ood}"] if arrow else textwrap.wrap(label, 13, break_long_words=False)
    return lines[0] if len(lines) == 1 else r"\shortstack[r]{" + r"\\".join(lines) + "}"


def latex(table: Table) -> str:
    """The float: layout, labels and ids."""
    lines = [r"\begin{table}[htbp]", r"\centering\small", rf"\caption{{{table.caption}}}", rf"\label{{{table.name}}}"]
    for panel in table.panels:
        kinds = table.kinds(panel)
        lead = "ll" if len(kinds) > 1 else "l"
        lines += [
            rf"\fitted{{\begin{{tabular}}{{@{{}}{lead}{'r' * len(panel.columns)}@{{}}}}",
            r"\toprule",
            " & ".join(
                [table.head(panel), *[""] * (len(lead) - 1), *(heading(column.label) for column in panel.columns)]
            )
            + r" \\",
            r"\midrule",
        ]
        for row in table.rows:
            for kind in kinds:
                label = row.label if kind == kinds[0] else ""
                which = [kind] if len(kinds) > 1 else []
                ids = [table.id(row, column) for column in panel.columns]
                lines.append(" & ".join([label, *which, *(rf"\{kind}{{{name}}}" for name in ids)]) + r" \\")
        lines += [r"\bottomrule", r"\end{tabular}}", r"\par\medskip"]
    lines += [rf"\tablefoot{{{table.foot}}}" if table.foot else "%", r"\end{table}"]
    return "\n".join(lines) + "\n"


def longtable(widths: list[float], caption: str, label: str, head: str, body: list[str], foot: str = "") -> list[str]:
    """A table over pages with columns of these shares of the line, less the gaps between them."""
    line = rf"\dimexpr\linewidth-{2 * (len(widths) - 1)}\tabcolsep\relax"
    shares = (width / sum(widths) for width in widths)
    columns = "".join(rf">{{\raggedright\arraybackslash}}p{{{share:.3f}{line}}}" for share in shares)
    return [
        rf"\begin{{longtable}}{{@{{}}{columns}@{{}}}}",
        rf"\caption{{{caption}}}\label{{{label}}}\\",
        rf"\toprule {head} \\ \midrule \endfirsthead",
        rf"\toprule {head} \\ \midrule \endhead",
        *body,
        r"\bottomrule",
        r"\end{longtable}",
        *([rf"\tablefoot{{{foot}}}"] if foot else []),
    ]


def over_pages(*tables: list[str]) -> str:
    """Tables over pages as TeX."""
    return "\n".join([START, *(line for table in tables for line in table), r"\endgroup", ""])
