"""What a lineage page says of its ids is compared with what their table and cell say."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from ood.artifacts.anchors import anchor
from ood.audit import browsed, numbers
from ood.records import Code, File, Made, Record, Records

EXPECTED = {
    "T/<a>/x": {
        "ours": "97.50 \u00b1 0.20",
        "printed": "97.10 (rg_table1.csv, line 4: RG-T1/x)",
        "by seed": "0: 0.973000, 1: 0.977000",
        "interval": "96.50 to 98.25, images resampled",
        "difference": "+0.40 (noise up to 0.55)",
        "images": "90 and 120",
    },
    "T/b/x": {"ours": "within noise"},
}
TABLE = "<article><table>97.50</table></article>"
ROWS = (
    "<tr><th>ours</th><td>97.50 \u00b1 0.20</td></tr><tr><th>printed</th><td>97.10 (table1.csv, line 7)</td></tr>"
    "<tr><th>by seed</th><td>0: 0.973000, 1: 0.977000</td></tr>"
    "<tr><th>interval</th><td>from 96.50 to 98.25</td></tr>"
    "<tr><th>difference</th><td>+0.40 (at most 0.55)</td></tr>"
    "<tr><th>images</th><td>90 in-distribution, 120 out-of-distribution</td></tr><tr><th>method</th><td>k=1</td></tr>"
)
PAGE = (
    f'<title>T</title>{TABLE}\n<main><section id="{anchor("T/<a>/x")}"><h2>T/&lt;a&gt;/x</h2><table>{ROWS}</table>'
    f'</section>\n<section id="{anchor("T/b/x")}"><h2>T/b/x</h2><table><tr><th>ours</th><td>within noise</td></tr>'
    "</table></section></main>"
)


@pytest.fixture
def said(tmp_path, monkeypatch):
    """A function from what is changed on the page to what is found on it."""
    monkeypatch.setattr(browsed, "_expected", lambda one: EXPECTED[one.id])
    cells = [SimpleNamespace(id=name) for name in EXPECTED]

    def find(old: str = "", new: str = "") -> list[str]:
        assert old in PAGE
        (tmp_path / "T.html").write_text(PAGE.replace(old, new, 1) if old else PAGE)
        return list(map(str, browsed.differences(tmp_path / "T.html", TABLE, cells)))

    return find


def test_a_page_that_says_what_its_cells_say_is_right_whatever_its_words(said):
    assert said() == []


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("<td>97.50 ", "<td>98.50 ", "ours of T/<a>/x: expected 97.50 \u00b1 0.20, found 98.50 \u00b1 0.20"),
        ("within noise", "holds", "ours of T/b/x: expected within noise, found holds"),
        ("97.10 (", "97.20 (", "printed of T/<a>/x"),
        ("0.977000", "0.978000", "by seed of T/<a>/x"),
        ("98.25", "98.24", "interval of T/<a>/x"),
        ("0.55", "0.54", "difference of T/<a>/x"),
        ("+0.40", "-0.40", "difference of T/<a>/x"),
        ("120 out", "121 out", "images of T/<a>/x"),
        ("<tr><th>interval</th><td>from 96.50 to 98.25</td></tr>", "", "interval of T/<a>/x"),
        ("<table>97.50", "<table>98.50", "does not show the table"),
        (TABLE, TABLE + TABLE.replace("97", "98"), "does not show the table"),
        ("<h2>T/b/x", "<h2>T/c/x", "has other ids than its table"),
        (f'id="{anchor("T/b/x")}"', 'id="0123456789"', "has other ids than its table"),
    ],
)
def test_another_number_on_a_page_is_found(said, old, new, wrong):
    found = said(old, new)
    assert len(found) == 1 and "T.html: " in found[0] and wrong in found[0], found


def paged(tables: str) -> list[str]:
    """What is found on the page of a table without a cell."""
    made = Made(argument="pages", path="results/T.html", sha256="", bytes=1)
    given = [File(argument="tables", path=tables, sha256="")]
    code = Code(digest="", modules={})
    record = Record.model_construct(step="ood.pages", output=made, inputs=given, spec={}, code=code)
    found, total = numbers.paged(Records({"results/T.html": record}, {}), ["results/T.html"])
    return [*map(str, found), str(total)]


def test_a_page_is_read_with_its_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    columns = dict.fromkeys(("printed", "difference", "published", "cell", "mark"), [None])
    pd.DataFrame({"id": ["T/a/x"], "ours": ["7"], "row": ["a"], "column": ["x"], **columns}).to_csv("results/T.csv")
    page = f'<main><section id="{anchor("T/a/x")}"><h2>T/a/x</h2><tr><th>ours</th><td>7</td></tr></section></main>'
    Path("results/T.html").write_text(page)
    assert paged("results/T.csv") == ["1"]
    Path("results/T.html").write_text(page.replace("<td>7", "<td>8"))
    assert paged("results/T.csv") == ["results/T.html: ours of T/a/x: expected 7, found 8", "1"]
    assert "cannot be compared with its cells: FileNotFoundError" in paged("results/a/T.csv")[0]
    assert "its input '/etc/T.csv' (tables) is not a file in results/" in paged("/etc/T.csv")[0]
