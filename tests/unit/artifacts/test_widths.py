"""Tables that are too wide or too high for a page: into which parts they are broken, and which lie on their side."""

import pytest
from benchmark import evidence

from ood.artifacts import igoe, rg, widths
from ood.artifacts.render import latex, longtable


def split(table, given) -> list[list[str]]:
    """The columns of each part of a table's first panel."""
    pieces = widths.parts(table, table.panels[0], table.entries(given))
    return [[column.label for column in piece.columns] for piece in pieces]


def test_a_panel_is_broken_evenly_when_its_type_would_be_too_small(tmp_path):
    given = evidence(tmp_path, [0.9, 0.91])
    table = rg.ablation(given, "mnist")
    (panel,) = split(table, given)
    assert panel == ["Svhn grey corner", "Letters", "Average"]
    given.datasets |= dict.fromkeys(["svhn_grey_corner", "letters", "average"], "x" * 50)
    table = rg.ablation(given, "mnist")
    assert [len(part) for part in split(table, given)] == [2, 1]
    text = latex(table, table.entries(given))
    assert text.count("AUROC, continued & ") == 1 and text.count(r"\begin{table}") == 1


def test_a_table_that_is_too_high_goes_on_on_the_next_page(tmp_path):
    """Ten rows of three lines and what is around them; two of them fit on no page."""
    given = evidence(tmp_path, [0.9])
    table = igoe.products(given, "mnist")
    table.panels *= 2
    text = latex(table, table.entries(given))
    assert len(table.rows) == 10 and text.count(r"\begin{table}") == text.count(r"\end{table}") == 2
    first, second = text.split(r"\end{table}", 1)
    assert r"\caption" in first and r"\tablefoot" not in first
    assert rf"Table~\ref{{{table.name}}}, continued" in second and r"\caption" not in second


@pytest.mark.parametrize(("benchmarks", "aside"), [(1, False), (3, False), (4, True), (6, True), (8, True)])
def test_a_table_over_pages_lies_on_its_side_when_its_columns_are_too_narrow(benchmarks, aside):
    """Every column then has place for a number with its spread, and all together fill the line."""
    found, shares = widths.over_pages([0.4, 0.08, *[0.46 / benchmarks] * benchmarks])
    line = (widths.LANDSCAPE if aside else widths.LINE) - widths.GAP * (benchmarks + 1)
    assert found == aside and sum(shares) == pytest.approx(1)
    assert min(shares) * line >= widths.NARROWEST - 1e-9


@pytest.mark.parametrize("count", [2, 9])
def test_what_lies_on_its_side_is_turned_back(count):
    text = "\n".join(longtable([4, *[1] * count], "Caption", "NAME", "head", [r"first \\", r"body \\[2pt]"], "foot"))
    aside = text.startswith(r"\begin{landscape}")
    assert aside == (count == 9) == text.endswith("\\end{longtable}\n\\end{landscape}")
    assert text.count("landscape") == 2 * aside


def test_the_foot_of_a_table_over_pages_stays_with_its_last_row():
    lines = longtable([1, 1], "Caption", "NAME", "head", [r"first \\", r"last \\[2pt]"], "foot")
    foot = r"\lastrule \multicolumn{2}{@{}p{\linewidth}@{}}{\tablefoot{foot}} \\"
    assert lines[-4:] == [r"first \\", r"last \\*[2pt]", foot, r"\end{longtable}"]
