"""A table as files: for the appendix, for reading by program, for a browser, for a terminal.

The .tex holds the layout and ids only. The .csv holds the numbers; the macros that print them are made from it
(ood.appendix.paper), so that no number reaches the page but through its id.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from ood.artifacts import page, widths
from ood.artifacts.evidence import Evidence
from ood.artifacts.table import SLIP, Panel, Row, Table, alike

# Of a table over pages: its beginning, and signs that TeX takes for its own.
START = r"\par\begingroup\footnotesize\setlength{\parindent}{0pt}\setlength{\LTcapwidth}{\linewidth}"
SPECIAL = str.maketrans(
    {sign: "\\" + sign for sign in "&%$#_{}"}
    | {"^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "\\": r"\textbackslash{}"}
)
COLUMNS = ("printed", "mark", "difference")  # what an id's number stands beside, in every .csv


def write(evidence: Evidence, name: str, entries: pd.DataFrame, tex: str, html: str, text: str) -> None:
    """Write .csv, .tex, .html and .txt under the evidence's ``out``."""
    write_numbers(evidence, name, entries)
    for suffix, content in {"tex": tex, "html": html, "txt": text}.items():
        (evidence.out / f"{name}.{suffix}").write_text(content)


def write_numbers(evidence: Evidence, name: str, entries: pd.DataFrame) -> None:
    """Write the .csv of what has numbers, an id for each; of ``COLUMNS`` those that the entries have not are empty."""
    lacking = [column for column in COLUMNS if column not in entries]
    full = entries.assign(**dict.fromkeys(lacking, ""))
    full.to_csv(evidence.out / f"{name}.csv", index=False, lineterminator="\n")


def read_numbers(paths: Iterable[Path]) -> pd.DataFrame:
    """All rows of such .csv files, every entry as text, with ``file``."""
    return pd.concat([pd.read_csv(path, dtype=str, keep_default_na=False).assign(file=str(path)) for path in paths])


def save(evidence: Evidence, table: Table) -> pd.DataFrame:
    """Write all files of a table; returns the numbers with their ids."""
    entries = table.entries(evidence)
    table = table.with_slips(entries)
    frames = [panel_frame(table, panel, entries) for panel in table.panels]
    text = "\n".join([table.caption, *(frame.to_string() for frame in frames)]) + "\n"
    numbers = pd.concat([entries.drop(columns="shown"), _foot_numbers(table)])
    write(evidence, table.name, numbers, latex(table, entries), browsed(table, entries), text)
    return entries.set_index("id")[["printed", "shown", "difference"]].rename(columns={"shown": "ours"})


def _foot_numbers(table: Table) -> pd.DataFrame:
    benchmark = table.name.partition(".")[2]
    rows = [(table.cited(what), benchmark, what, text) for what, text in table.numbers.items()]
    return pd.DataFrame(rows, columns=["id", "row", "column", "ours"])


def _plain_foot(table: Table) -> str:
    """The foot with its numbers in the place of their ids."""
    texts = {table.cited(what): text for what, text in table.numbers.items()}
    return re.sub(r"\\ours\{([^}]*)\}", lambda found: texts[found[1]], table.foot)


def _key(row: Row) -> str:
    """A row's name without TeX."""
    return f"{row.key} ({page.plain(row.note)})" if row.note else row.key


def panel_frame(table: Table, panel: Panel, entries: pd.DataFrame) -> pd.DataFrame:
    """One panel as a browser or a terminal shows it."""
    text = entries.set_index("id")
    kinds = table.kinds(panel)
    lines = {}
    for row in table.rows:
        for kind in kinds:
            ids = [table.id(row, column) for column in panel.columns]
            column = "shown" if kind == "ours" else kind
            lines[_key(row) if len(kinds) == 1 else f"{_key(row)}, {kind}"] = [text.at[name, column] for name in ids]
    return pd.DataFrame.from_dict(
        lines, "index", columns=pd.Index([c.label for c in panel.columns], name=table.head(panel))
    )


def browsed(table: Table, entries: pd.DataFrame) -> str:
    """The page for a browser: a row per method, whose entries hold ours, what is printed, and the difference."""
    found = entries.set_index("id")

    def entry(name: str) -> page.Entry:
        line = found.loc[name]
        value = line["mean"] if line["cell"] else line["printed"].split(" ")[0]
        bounds = [alike(line[end], line["ours"]) for end in ("low", "high") if pd.notna(line.get(end))]
        interval = f", interval {' to '.join(bounds)}" if bounds else ""
        printed = line["printed"] + (page.plain(SLIP) if line["mean_of_cells"] else "")
        html = page.number(line["shown"], printed, line["difference"], line["mark"])
        return page.Entry(html, value, name, interval)

    tables = [
        page.table(
            table.head(panel),
            [column.label for column in panel.columns],
            {_key(row): [entry(table.id(row, column)) for column in panel.columns] for row in table.rows},
        )
        for panel in table.panels
    ]
    return page.page(table.name, table.caption, [_plain_foot(table)], tables)


def heading(label: str) -> str:
    """A column's label as TeX; an ID-OOD pair or a long label takes two lines or more."""
    lines = widths.heading_lines(label)
    return lines[0] if len(lines) == 1 else r"\shortstack[r]{" + r"\\".join(lines) + "}"


def latex(table: Table, entries: pd.DataFrame) -> str:
    """The float, or as many as it takes: layout, labels and ids."""
    slips = set(entries.loc[entries["mean_of_cells"] != "", "id"])
    opened = [r"\begin{table}[htbp]", r"\centering\small"]
    lines = [*opened, rf"\caption{{{table.caption}}}", rf"\label{{{table.name}}}"]
    for place, panels in enumerate(widths.floats(table, entries)):
        if place:
            lines += [r"\end{table}", *opened, rf"Table~\ref{{{table.name}}}, continued\par\medskip"]
        for panel in panels:
            lines += [*_tabular(table, panel, slips), r"\par\medskip"]
    lines += [rf"\tablefoot{{{table.foot}}}" if table.foot else "%", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _tabular(table: Table, panel: Panel, slips: set[str]) -> list[str]:
    """One panel; ``slips``: the ids of printed numbers that have a mark."""
    kinds = table.kinds(panel)
    lead = "ll" if len(kinds) > 1 else "l"
    heads = [table.head(panel), *[""] * (len(lead) - 1), *(heading(column.label) for column in panel.columns)]
    lines = [
        rf"\fitted{{\begin{{tabular}}{{@{{}}{lead}{'r' * len(panel.columns)}@{{}}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
    ]

    def number(kind: str, name: str) -> str:
        return rf"\{kind}{{{name}}}" + (SLIP if kind == "printed" and name in slips else "")

    for row in table.rows:
        for kind in kinds:
            label = row.noted if kind == kinds[0] else ""
            which = [kind] if len(kinds) > 1 else []
            ids = [table.id(row, column) for column in panel.columns]
            lines.append(" & ".join([label, *which, *(number(kind, name) for name in ids)]) + r" \\")
    return [*lines, r"\bottomrule", r"\end{tabular}}"]


def longtable(shares: list[float], caption: str, label: str, head: str, body: list[str], foot: str = "") -> list[str]:
    """A table over pages with columns of these shares of the line, less the gaps; on its side if need be."""
    line = rf"\dimexpr\linewidth-{2 * (len(shares) - 1)}\tabcolsep\relax"
    aside, shares = widths.over_pages(shares)
    columns = "".join(rf">{{\raggedright\arraybackslash}}p{{{share:.4f}{line}}}" for share in shares)
    below = rf"\multicolumn{{{len(shares)}}}{{@{{}}p{{\linewidth}}@{{}}}}{{\tablefoot{{{foot}}}}} \\" if foot else ""
    lines = [
        rf"\begin{{longtable}}{{@{{}}{columns}@{{}}}}",
        rf"\caption{{{caption}}}\label{{{label}}}\\",
        rf"\toprule {head} \\ \midrule \endfirsthead",
        rf"\toprule {head} \\ \midrule \endhead",
        r"\bottomrule \endfoot \endlastfoot",
        *body[:-1],
        re.sub(r"\\\\(?=(\[2pt\])?$)", r"\\\\*", body[-1]),  # so that the foot never stands alone on a page
        rf"\lastrule {below}",
        r"\end{longtable}",
    ]
    return [r"\begin{landscape}\setlength{\LTcapwidth}{\linewidth}", *lines, r"\end{landscape}"] if aside else lines


def over_pages(*tables: list[str]) -> str:
    """Tables over pages as TeX."""
    return "\n".join([START, *(line for table in tables for line in table), r"\endgroup", ""])
