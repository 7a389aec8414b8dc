"""Tables in a browser, a real one: what a click on a heading and a word in the box do."""

import re

import pytest
from browser import dom

from ood.artifacts import page
from ood.artifacts.anchors import anchor
from ood.errors import Problem

VALUES = {"a": 9.5, "b": -3.0, "c": 92.45, "d": "", "e": 92.5}


@pytest.fixture
def shown(tmp_path):
    """What the page of VALUES shows after a script: the labels of its visible rows, in order."""

    def rows(script: str) -> list[str]:
        entries = {label: [page.Entry(str(value), value)] for label, value in VALUES.items()}
        text = page.page("T", "A table", [], [page.table("method", ["AUROC"], entries)])
        path = tmp_path / "page.html"
        path.write_text(f"{text}<script>{script}</script>")
        return re.findall(r"<tr><th>(\w)</th>", dom(path, tmp_path / "profile"))

    return rows


CLICK = "document.querySelectorAll('thead th')[1].click();"


def test_a_click_sorts_by_value_and_another_turns_it_round(shown):
    """As numbers, not as text; what is missing stays last."""
    assert shown("") == ["a", "b", "c", "d", "e"]
    assert shown(CLICK) == ["b", "a", "c", "e", "d"]
    assert shown(CLICK + CLICK) == ["e", "c", "a", "b", "d"]


def test_what_is_typed_hides_the_other_rows(shown):
    typed = "const box = document.querySelector('input'); box.value = '92 .5'; box.dispatchEvent(new Event('input'));"
    assert shown(typed) == ["e"]  # a hidden row has an attribute, so it is not found


def test_labels_are_text_and_numbers_lead_to_their_lineage():
    """On their own page to that of their lineage, on that page to a place there."""
    text = page.table("m", ["<b>"], {"<i>": [page.Entry("1", 1.0, 'T/"q"/x', ", about"), page.Entry("-")]})
    assert "<th>&lt;i&gt;</th>" in text and "<th>&lt;b&gt;</th>" in text
    number = '<td title="T/&quot;q&quot;/x, about" data-value="1.0"><a href="#{}">1</a></td><td>-</td>'
    assert number.format(anchor('T/"q"/x')) in text
    whole = page.page("T.digits", "A table", [], [text])
    assert '<base href="../../lineage/T.digits.html">' in whole
    assert page.article(whole).startswith("<article><h3>T.digits: A table</h3>") and text in page.article(whole)
    assert "<base" not in page.article(whole) and "<script>" not in page.article(whole)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("not run", "93.00", ""), ('class="none">not run', "printed 93.00")),
        (("92.90 \u00b1 0.10", "93.00", "-0.10"), ("differs", "within noise")),
        (("90.00 \u00b1 0.10", "93.00", "-3.00 *", "best"), ("-3.00, beyond noise", 'class="best">90.00')),
    ],
)
def test_a_number_says_whether_it_agrees_in_words(arguments, expected):
    html = page.number(*arguments)
    present, other = expected
    assert other in html and (present in html) == (present != "differs")


def test_a_caption_has_no_tex_left_or_stops_the_build():
    assert (
        page.plain(r"keeps 95\,\% of $2\|h\|_1 \times$ TV$^\dagger$")
        == "keeps 95\u2009% of 2\u2016h\u2016_1 \u00d7 TV\u2020"
    )
    with pytest.raises(Problem, match=r"frac.*add it to SIGNS in ood.artifacts.page"):
        page.plain(r"$\frac{1}{K}$")
