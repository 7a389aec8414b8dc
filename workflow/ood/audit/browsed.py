"""The numbers on lineage pages, read back and compared by id with the tables and cells that they are of.

Not compared are words, which a later version of the project may choose otherwise, histograms and the lists of files.
"""

import re
from collections.abc import Iterator
from html import escape, unescape
from pathlib import Path

from ood.artifacts.anchors import anchor
from ood.artifacts.page import article
from ood.audit.findings import Finding
from ood.audit.lineage import Lineage
from ood.audit.run import Run, read
from ood.audit.show import number
from ood.evaluation.metrics import METRICS
from ood.records import Record

STEP = "pages"
SECTION = re.compile(r'<section id="(\w+)"><h2>(.*?)</h2>(.*?)</section>', re.DOTALL)
ROW = re.compile(r"<tr><th>(.*?)</th><td>(.*?)</td></tr>", re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
COMPARED = ("ours", "printed", "by seed", "interval", "difference", "noise", "images")


def compared(record: Record, run: Run) -> tuple[list[Finding], int]:
    """What a page has wrong, and how many ids it has."""
    given, page = record.arguments(), Path(record.output.path)
    tables, browsed = ({Path(path).stem: Path(path) for path in given.get(name, [])} for name in ("tables", "browsed"))
    try:
        rows = read([tables[page.stem]])
        cells = [Lineage(name, "", row, run) for name, row in rows.iterrows()]
        table = article(browsed[page.stem].read_text()) if page.stem in browsed else ""
        return list(differences(page, table, cells)), len(cells)
    except Exception as error:  # whatever a table says of a cell that there is not
        return [Finding(str(page), f"cannot be compared with its cells: {type(error).__name__}: {error}")], 0


def differences(page: Path, table: str, cells: list[Lineage]) -> Iterator[Finding]:
    """Where a page does not show its table, or says of an id something else than its table and cell do."""
    head, _, below = page.read_text().partition("<main>")
    if table not in head or head.count("<article") != bool(table):
        yield Finding(str(page), "does not show the table that the page of the table itself shows")
    sections = SECTION.findall(below)
    if [(place, name) for place, name, _ in sections] != [(anchor(traced.id), escape(traced.id)) for traced in cells]:
        yield Finding(str(page), "has other ids than its table, or in another order")
        return
    for traced, (_, _, text) in zip(cells, sections, strict=True):
        found, expected = dict(ROW.findall(text)), _expected(traced)
        for name in COMPARED:
            said, wanted = unescape(found.get(name, "")), expected.get(name, "")
            if _numbers(name, said) != _numbers(name, wanted):
                yield Finding(str(page), f"{name} of {traced.id}", wanted or "none", said or "none")


def _expected(traced: Lineage) -> dict[str, str]:
    rows = dict(number(traced))
    if traced.key and traced.key["metric"] in METRICS:
        rows["images"] = f"{traced.cell['n_id']:.0f} and {traced.cell['n_ood']:.0f}"
    return rows


def _numbers(name: str, text: str) -> object:
    """What of a row is compared: ours and the printed value, which may be words, as they are; else the numbers."""
    if name in ("ours", "printed"):
        return text.partition(" (")[0]
    return NUMBER.findall(text)
