"""A table as a page for a browser: a click on a heading sorts it, what is typed into the box filters its rows.

Every number links to its lineage, whose page shows the table again (ood.audit.pages). Neither needs a network or other
files, so that they work in the Snakemake report, in a mail and in a folder. Colours are those of the figures: readable
by the colour-blind, and nothing is said by colour alone.
"""

import re
from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from ood.artifacts import anchors
from ood.errors import Problem

APPENDIX = "../../"  # from a table's folder, artifacts/<paper>
STYLE = """
body{font:14px/1.4 sans-serif;margin:1em;max-width:110em}
article{table{border-collapse:collapse;margin:.5em 0 2em}
th,td{padding:.25em .8em;text-align:right;vertical-align:top;font-variant-numeric:tabular-nums}
th:first-child,.text td,.text th{text-align:left} .text tbody th{white-space:nowrap}
thead th{border-bottom:1px solid #888;cursor:pointer;vertical-align:bottom}
tbody tr:nth-child(even){background:#f5f5f5} tbody th{font-weight:normal} small{display:block;color:#555}
.agrees,.holds{color:#0072b2} .differs,.fails{color:#d55e00;font-weight:bold} .none{color:#777} .best{font-weight:bold}
.second{text-decoration:underline} [aria-sort=ascending]::after{content:" \\25b4"}
[aria-sort=descending]::after{content:" \\25be"} a{color:inherit;text-decoration:none} a:hover{background:#fff6d6}}
input{font:inherit;width:24em;max-width:100%}
"""
SCRIPT = """
const value = (row, place) => row.cells[place].dataset.value ?? row.cells[place].textContent;
const order = (one, other) => isNaN(one) || isNaN(other) ? one.localeCompare(other) : one - other;
for (const head of document.querySelectorAll("article thead th")) head.onclick = () => {
  const body = head.closest("table").tBodies[0], place = head.cellIndex;
  const direction = head.ariaSort === "ascending" ? -1 : 1;
  for (const other of head.parentNode.cells) other.ariaSort = null;
  head.ariaSort = direction === 1 ? "ascending" : "descending";
  const keys = new Map([...body.rows].map(row => [row, value(row, place)]));
  const sorted = [...body.rows].sort((one, other) => (keys.get(one) === "") - (keys.get(other) === "") ||
    direction * order(keys.get(one), keys.get(other)));
  body.append(...sorted);
};
document.querySelector("input").oninput = event => {
  const words = event.target.value.toLowerCase().split(/\\s+/);
  for (const row of document.querySelectorAll("article tbody tr"))
    row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
};
"""
BOX = '<input type="search" placeholder="Filter rows; click a heading to sort" aria-label="Filter rows">'
SIGNS = {
    r"\pm": "\u00b1",
    r"\times": "\u00d7",
    r"\to": "\u2192",
    r"\alpha": "\u03b1",
    r"\infty": "\u221e",
    r"\cdot": "\u00b7",
    r"\|": "\u2016",
    r"^\dagger": "\u2020",
    r"^\ddagger": "\u2021",
    r"\log": "log",
    r"\,": "\u2009",
    r"\%": "%",
    r"\_": "_",
    r"\ ": " ",
    "$": "",
}


class Entry(NamedTuple):
    """A number of a table: its HTML, what it is sorted by, its id, what else is said when the pointer rests on it."""

    html: str
    value: float | str | None = None  # its own text; an empty one comes last
    id: str = ""
    about: str = ""


def plain(tex: str) -> str:
    """A caption or a foot without its TeX. Raises Problem for what ``SIGNS`` does not know."""
    text = tex
    for sign, character in SIGNS.items():
        text = text.replace(sign, character)
    if "\\" in text:
        raise Problem(f"'{tex}' holds TeX that a browser would show as it stands: add it to SIGNS in {__name__}.")
    return text


def number(ours: str, printed: str, difference: str, mark: str = "") -> str:
    """The HTML of an entry: ours, below it what is printed and how far ours is from that."""
    missing = ours in ("not run", "-")
    lines = [f'<span class="{"none" if missing else mark}">{escape(ours)}</span>']
    lines += [f"<small>printed {escape(printed)}</small>"] if printed else []
    if difference:
        beyond = difference.endswith("*")
        word = "beyond noise" if beyond else "within noise"
        lines.append(f'<small class="{"differs" if beyond else "agrees"}">{difference.rstrip(" *")}, {word}</small>')
    return "".join(lines)


def sentences(texts: Iterable[str], ids: Iterable[str]) -> list[Entry]:
    """A row of texts with their ids."""
    return [Entry(escape(text), id=name) for text, name in zip(texts, ids, strict=True)]


def table(title: str, heads: Iterable[str], rows: dict[str, list[Entry]], kind: str = "", note: str = "") -> str:
    """A table with a heading per column; ``kind`` ``text`` for one of sentences. All but the entries is plain text."""
    top = "".join(f"<th>{escape(head)}</th>" for head in (title, *heads))
    body = "".join(f"<tr><th>{escape(label)}</th>{''.join(map(_cell, row))}</tr>\n" for label, row in rows.items())
    said = f"<p>{escape(note)}</p>\n" if note else ""
    return f'{said}<table class="{kind}"><thead><tr>{top}</tr></thead><tbody>\n{body}</tbody></table>\n'


def _cell(entry: Entry) -> str:
    facts = {"title": entry.id + entry.about or None, "data-value": entry.value}
    given = "".join(f' {name}="{escape(str(fact))}"' for name, fact in facts.items() if fact is not None)
    linked = f'<a href="#{anchors.anchor(entry.id)}">{entry.html}</a>' if entry.id else entry.html
    return f"<td{given}>{linked}</td>"


def page(name: str, caption: str, notes: Iterable[str], tables: Iterable[str]) -> str:
    """The whole page of a table; caption and notes may hold TeX. Its links lead to the page of its lineage."""
    title = escape(plain(f"{name}: {caption}"))
    said = "".join(f"<p>{escape(plain(note))}</p>" for note in notes if note)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8">\n<title>{title}</title>\n'
        f'<base href="{APPENDIX}{anchors.page(name)}">\n<style>{STYLE}</style>\n{BOX}\n'
        f"<article><h3>{title}</h3>\n{''.join(tables)}{said}</article>\n"
        f"<script>{SCRIPT}</script></html>\n"
    )


def article(text: str) -> str:
    """Of a page its table, whose links lead to places on the page that it is put on."""
    return re.search("<article>.*</article>", text, re.DOTALL)[0]
