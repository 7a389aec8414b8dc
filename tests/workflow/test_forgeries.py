"""Levels (b) and (c) of the audit: what was forged together with all records is found where it is made again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from forging import (
    ARTIFACTS,
    CELL,
    METRICS,
    PDF,
    SCORES,
    TABLE,
    edit,
    forge,
    level_a,
    put,
    raw,
    replace,
    set_value,
    turn,
)
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ContentStream, NameObject

from ood.audit import numbers, rerun
from ood.audit.marks import marks
from ood.records import Records


def convention(frame: pd.DataFrame) -> None:
    """FPR95 by the convention of GAIA's code under the project's name."""
    keys = ["variant", "dataset"]
    other = frame[frame["metric"] == "FPR95_gaia"].set_index(keys)[["values", "mean"]]
    for row in frame.index[frame["metric"] == "FPR95"]:
        values, mean = other.loc[tuple(frame.loc[row, keys])]
        frame.at[row, "values"], frame.at[row, "mean"] = list(values), mean


def sides(frame: pd.DataFrame) -> None:
    """In- and out-of-distribution images change places, at equal numbers."""
    names = frame["dataset"].astype(str)
    first, second = names.index[names == "digits"][:50], names.index[names == "letters"][:50]
    one, other = frame.loc[first, "msp"].to_numpy(), frame.loc[second, "msp"].to_numpy()
    frame.loc[first, "msp"], frame.loc[second, "msp"] = other, one


# Faults whose records were all rewritten, so that level (a) finds none: what is made again, and what must be said.
FORGERIES: dict[str, tuple[str, Callable, str, str]] = {
    "a metric": (
        METRICS.format("msp"),
        lambda path: set_value(path, "mean", lambda x: x + 1e-6, metric="AUROC", dataset="faces"),
        METRICS.format("msp"),
        "msp faces AUROC), column mean",
    ),
    "another convention of FPR95": (
        METRICS.format("gaia_a"),
        lambda path: edit(path, convention),
        METRICS.format("gaia_a"),
        "FPR95), column values",
    ),
    "other seeds": (
        METRICS.format("msp"),
        lambda path: edit(path, lambda frame: frame.__setitem__("seeds", [np.array([3])] * len(frame))),
        METRICS.format("msp"),
        "column seeds",
    ),
    "an interval": (
        METRICS.format("msp"),
        lambda path: set_value(path, "low", lambda x: x + 0.01, metric="AUROC", dataset="faces"),
        METRICS.format("msp"),
        "msp faces AUROC), column low",
    ),
    "scores on the other side": (
        SCORES.format("msp"),
        lambda path: edit(path, sides),
        METRICS.format("msp"),
        "column values",
    ),
    "a cell": (
        "results/cells/digits.parquet",
        lambda path: set_value(path, "mean", lambda x: 1 - x, detector="rg", metric="AUROC"),
        "results/cells/digits.parquet",
        "column mean",
    ),
    "an accuracy": (
        "results/cells/digits.parquet",
        lambda path: set_value(path, "mean", lambda x: 0.999, detector="network"),
        "results/cells/digits.parquet",
        "(digits network train digits accuracy), column mean",
    ),
    "a verdict": (
        "results/claims/digits.parquet",
        lambda path: set_value(path, "verdict", lambda _: "holds", id="RG-T1.1"),
        "results/claims/digits.parquet",
        "column verdict",
    ),
}


@pytest.mark.parametrize("fault", FORGERIES)
def test_what_was_rewritten_with_all_its_records_is_made_again(run, fault):
    path, plant, wrong, said = FORGERIES[fault]
    plant(path)
    forge(path, after=True)
    assert level_a() == []
    found = numbers._again(Records.load(), wrong)
    assert any(one.file == wrong and said in str(one) for one in found), "\n".join(map(str, found))


@pytest.mark.parametrize("page", ["ACROSS", "HEADLINE.digits"])
def test_a_lineage_page_names_all_that_it_shows(run, page):
    """Lines of the printed cells, sentences of the claims and of the detectors' docstrings."""
    known = raw(f"results/editions/demo/lineage/{page}.html")
    inputs = {given["path"] for given in known["inputs"]}
    assert inputs.issuperset(["paper/claims.yaml", *map(str, Path("paper/published").glob("*.csv"))])
    scored = {path.stem for path in Path("results/scores/digits/seed0").glob("*.parquet")}
    assert len(scored) > 10 and {f"ood.detectors.{name}" for name in scored} <= known["code"]["modules"].keys()


def test_a_forged_number_on_a_lineage_page_is_found(run):
    page = "results/editions/demo/lineage/HEADLINE.digits.html"
    outputs = list(Records.load())
    found, total = numbers.paged(Records.load(), outputs)
    assert found == [] and total > 1000
    text = Path(page).read_text()
    start = text.index("<tr><th>ours</th><td>") + len("<tr><th>ours</th><td>")
    put(page, text[:start] + str((int(text[start]) + 1) % 10) + text[start + 1 :])
    forge(page)
    assert level_a() == []
    found, _ = numbers.paged(Records.load(), outputs)
    assert [one.file for one in found] == [page] and "ours of HEADLINE/" in found[0].what


def test_a_forged_page_of_the_networks_is_made_again(run):
    page = "results/editions/demo/networks.html"
    assert numbers._again(Records.load(), page) == []
    replace(page, "accuracy, test</th><td>", "accuracy, test</th><td>9")
    forge(page)
    assert level_a() == []
    assert [one.file for one in numbers._again(Records.load(), page)] == [page]


def test_a_forged_table_is_found_by_its_notebook(run):
    table = f"{ARTIFACTS}/rg/RG-T3.digits.csv"
    turn(table)
    forge(table, after=True)
    assert level_a() == []
    found = numbers._again(Records.load(), table)
    assert [one.file for one in found] == [table] and "line" in found[0].what and found[0].expected != found[0].found


@pytest.fixture
def pdf(run) -> str:
    if not Path(PDF).is_file():
        pytest.skip("there is no LaTeX here")
    return PDF


def reprint(pdf: str, change: Callable[[list], None]) -> None:
    """Change the operations of the page that prints ``CELL``."""
    writer = PdfWriter(clone_from=PdfReader(pdf))
    for page in writer.pages:
        content = ContentStream(page.get_contents(), writer)
        operations = content.operations
        if any(operator == b"BDC" and CELL in str(operands) for operands, operator in operations):
            change(operations)
            content.operations = operations
            page[NameObject("/Contents")] = writer._add_object(content)
    Path(pdf).unlink()
    writer.write(pdf)


def place(operations: list) -> int:
    return next(k for k, (operands, operator) in enumerate(operations) if operator == b"BDC" and CELL in str(operands))


def next_digit(operations: list) -> None:
    """Another first digit where the cell is shown."""
    shown = next(k for k in range(place(operations), len(operations)) if operations[k][1] in (b"Tj", b"TJ"))
    part = operations[shown][0][0]
    strings = part if operations[shown][1] == b"TJ" else operations[shown][0]
    first = strings[0]
    digit = bytes(first.original_bytes)
    strings[0] = type(first)(digit.decode("latin-1").replace(chr(digit[0]), "987"[digit[0] % 3], 1))


def leave_out(operations: list) -> None:
    start = place(operations)
    end = next(k for k in range(start, len(operations)) if operations[k][1] == b"EMC")
    del operations[start : end + 1]


@pytest.mark.parametrize(
    ("change", "said"),
    [(next_digit, f"ours of {CELL}: expected"), (leave_out, f"{TABLE}.tex lacks ours of {CELL}")],
)
def test_a_number_of_the_pdf_is_read_where_it_stands(pdf, change, said):
    assert list(numbers.typeset(Records.load()[pdf], marks(Path(pdf)))) == []
    reprint(pdf, change)
    forge(pdf)
    assert level_a() == []
    found = list(map(str, numbers.typeset(Records.load()[pdf], marks(Path(pdf)))))
    assert len(found) == 1 and said in found[0], found


def test_a_forged_score_is_found_from_the_images(run):
    """Rewritten with all that comes after: only doing it again from the images shows it."""
    records = Records.load()
    assert rerun.again(records, SCORES.format("msp"), fresh(run, "one")) == []
    edit(SCORES.format("msp"), one_large_score)
    forge(SCORES.format("msp"), after=True)
    assert level_a() == []
    found = rerun.again(Records.load(), SCORES.format("msp"), fresh(run, "two"))
    assert [one.file for one in found] == [SCORES.format("msp")] and "column msp, image" in found[0].what


def one_large_score(frame: pd.DataFrame) -> None:
    frame.loc[7, "msp"] += 0.1


def fresh(run: Path, name: str) -> Path:
    folder = run.parent / name
    folder.mkdir()
    return folder


def test_cells_to_do_again_are_chosen_by_the_seed(run):
    assert rerun.chosen(["demo"], 3, 0) == rerun.chosen(["demo"], 3, 0) != rerun.chosen(["demo"], 3, 1)
