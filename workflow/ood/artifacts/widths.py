"""How wide and how high tables are, near enough to break one before its type gets too small or it leaves the page."""

import re
import textwrap

import pandas as pd

from ood.artifacts.table import Panel, Table

# In points, of the appendix's page and of the type that tables are set in (paper/appendix.tex, paper/cells.sty).
LINE, LANDSCAPE = 455, 702
LETTER, SMALL, GAP = 4.8, 3.5, 8
SIZE, SMALLEST = 9, 7
NARROWEST = 56  # of a column of a table over pages: 100.00 ± 0.00, or 11 / 12 / 2 / 1
WORDS = 150  # of its widest column, which has sentences
HEADING = 10  # letters in a line of a heading
LINES, HEAD = 52, 5  # of a page, and of what a panel has above and below its rows


def heading_lines(label: str) -> list[str]:
    """A column's label in lines; those of an ID-OOD pair are two."""
    identity, arrow, ood = label.partition(" \u2192 ")
    return [identity, rf"$\to$ {ood}"] if arrow else textwrap.wrap(label, HEADING, break_long_words=False)


def _length(tex: str) -> int:
    """Letters and signs of a text without its TeX."""
    return len(re.sub(r"[\\${}^_]", "", re.sub(r"\\[a-zA-Z]+", "x", tex)))


def _number(text: str) -> float:
    value, _, spread = text.partition(" ± ")
    return LETTER * len(value) + (SMALL * len(spread) + LETTER if spread else 0)


def parts(table: Table, panel: Panel, entries: pd.DataFrame) -> list[Panel]:
    """A panel, or where its columns do not fit side by side at the smallest type, as few of it as do, evenly."""
    texts = entries.set_index("id")[["shown", "printed"]]
    kinds = ["shown" if kind == "ours" else kind for kind in table.kinds(panel) if kind != "difference"]
    lead = LETTER * max(_length(row.noted) for row in table.rows) + (10 * LETTER if len(kinds) > 1 else 0)
    widths = []
    for column in panel.columns:
        numbers = texts.loc[[table.id(row, column) for row in table.rows], kinds].to_numpy().ravel()
        heads = [LETTER * _length(line) for line in heading_lines(column.label)]
        widths.append(GAP + max([*heads, *map(_number, numbers)]))
    room = LINE * SIZE / SMALLEST - lead
    count = -(-sum(widths) // room)
    size = int(-(-len(panel.columns) // count))
    pieces = [panel.columns[start : start + size] for start in range(0, len(panel.columns), size)]
    later = f"{panel.title}, continued"
    return [Panel(later if place else panel.title, columns) for place, columns in enumerate(pieces)]


def floats(table: Table, entries: pd.DataFrame) -> list[list[Panel]]:
    """The parts of a table's panels, by the page that they fit on."""
    pages, left = [], 0
    for part in (part for panel in table.panels for part in parts(table, panel, entries)):
        high = len(table.rows) * len(table.kinds(part)) + HEAD
        if high > left:
            pages.append([])
            left = LINES
        pages[-1].append(part)
        left -= high
    return pages


def over_pages(widths: list[float]) -> tuple[bool, list[float]]:
    """Whether a table over pages with columns of these shares wants a page on its side; the shares it then has.

    The widest column gives way to those that are too narrow, on an upright page as long as it is wide enough itself.
    """
    upright, aside = (line - GAP * (len(widths) - 1) for line in (LINE, LANDSCAPE))
    shares = _widened(widths, upright)
    return (False, shares) if max(shares) * upright >= WORDS else (True, _widened(widths, aside))


def _widened(widths: list[float], room: float) -> list[float]:
    shares = [max(width / sum(widths), NARROWEST / room) for width in widths]
    shares[shares.index(max(shares))] -= sum(shares) - 1
    return shares
