"""The audit's parts by themselves: what a page prints, what two files differ in, where a cell has its page."""

import hashlib
import os
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, NumberObject

from ood.artifacts.anchors import link
from ood.audit import numbers, replay, rerun
from ood.audit.crate import CONTENTS, held
from ood.audit.lineage import Lineage
from ood.audit.marks import Mark, marks
from ood.audit.numbers import MACRO, texts, typeset
from ood.audit.pages import BINS, HEIGHT, WIDTH, called, heads, histogram
from ood.audit.replay import differences, same
from ood.errors import Problem
from ood.ledger import sha256
from ood.records import Code, File, Made, Record, Records, files, left_out, walk
from ood.step import Output

# A font whose code 1 is a minus, as a mathematical one may have it, 2 the ligature fi, and 3 an apostrophe.
CONTENT = rb"""BT /F1 10 Tf (7 before) Tj ET
/Cell <</Of (ours) /Id (T/a \(b\)/x)>> BDC BT /F1 10 Tf [(9) -20 (7.5)] TJ /F2 10 Tf (\001) Tj ET EMC
/Other BMC BT /F1 10 Tf (8) Tj ET EMC
/Cell <</Of (printed) /Id (T/c/x)>> BDC BT /F2 10 Tf (\002) Tj /F1 10 Tf (t now) Tj /F2 10 Tf (\003) Tj ET EMC"""


def font(*differences: object) -> DictionaryObject:
    about = {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1")}
    if differences:
        encoding = DictionaryObject({NameObject("/Differences"): ArrayObject(differences)})
        about[NameObject("/Encoding")] = encoding
    return DictionaryObject(about)


@pytest.fixture
def pdf(tmp_path) -> Path:
    return written(tmp_path, CONTENT)


def written(folder: Path, content: bytes) -> Path:
    """A PDF with this on its second page."""
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    page = writer.add_blank_page(100, 100)
    stream = DecodedStreamObject()
    stream.set_data(content)
    page[NameObject("/Contents")] = writer._add_object(stream)
    signs = font(NumberObject(1), NameObject("/minus"), NameObject("/fi"), NameObject("/quoteright"))
    fonts = DictionaryObject({NameObject("/F1"): font(), NameObject("/F2"): signs})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    writer.write(folder / "a.pdf")
    return folder / "a.pdf"


def test_what_is_printed_under_an_id_is_read_and_nothing_else(pdf):
    expected = [Mark("ours", "T/a (b)/x", "97.5-", 2), Mark("printed", "T/c/x", "fitnow'", 2)]
    assert marks(pdf) == expected


def test_what_is_no_pdf_is_said(tmp_path):
    (tmp_path / "a.pdf").write_text("no")
    with pytest.raises(Problem, match="a.pdf cannot be read as a PDF.*Delete it"):
        marks(tmp_path / "a.pdf")


@pytest.mark.parametrize("content", [b"EMC", b"BT /F9 10 Tf ET", b"/Cell <</Of (ours)>> BDC EMC", b"/Cell BMC EMC"])
def test_a_damaged_page_is_said(tmp_path, content):
    with pytest.raises(Problem, match="a.pdf cannot be read as a PDF.*Delete it"):
        marks(written(tmp_path, content))


COLUMNS = "id,printed,ours,difference\n"
ROWS = "T/a/x,90.00,97.50 ± 0.20,+7.50 *\nT/b/x,91.00,,\nT/c/x,,1.00,\n"


@pytest.fixture
def page(tmp_path) -> Record:
    """The record of a PDF of one table, with six numbers in its layout."""
    (tmp_path / "T.csv").write_text(COLUMNS + ROWS)
    layout = " & ".join(rf"\{kind}{{T/{row}/x}}" for row in "ab" for kind in ("printed", "ours", "difference"))
    (tmp_path / "T.tex").write_text(layout + r" & \ours{T/c/x} \\")
    given = [("tables", "T.csv"), ("artifacts", "T.tex")]
    return Record.model_construct(
        output=Made(argument="pdf", path="a.pdf", sha256="", bytes=1),
        inputs=[File(argument=kind, path=str(tmp_path / name), sha256="") for kind, name in given],
        code=Code(digest="", modules={}),
    )


RIGHT = [
    *[("printed", "a", "90.00"), ("ours", "a", "97.50±0.20"), ("difference", "a", "+7.50*")],
    *[("printed", "b", "91.00"), ("ours", "b", "notrun"), ("difference", "b", "-"), ("ours", "c", "1.00")],
]


def said(page: Record, printed: list[tuple[str, str, str]]) -> list[str]:
    return list(map(str, typeset(page, [Mark(kind, f"T/{row}/x", text, 3) for kind, row, text in printed])))


def test_a_page_that_prints_its_tables_is_right(page):
    assert said(page, RIGHT) == []
    assert said(page, [("cited", "c", "1.00"), *RIGHT[:2], ("cited", "a", "97.50±0.20"), *RIGHT[2:]]) == []


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ([*RIGHT[:1], ("ours", "a", "97.51±0.20"), *RIGHT[2:]], "page 3, ours of T/a/x: expected 97.50 ± 0.20"),
        ([*RIGHT[:4], ("ours", "b", "1.00"), *RIGHT[5:]], "page 3, ours of T/b/x: expected not run, found 1.00"),
        ([("cited", "c", "1.10"), *RIGHT], "page 3, cited of T/c/x: expected 1.00, found 1.10"),
        (RIGHT[:-1], "T.tex lacks ours of T/c/x"),
        ([*RIGHT, RIGHT[-1]], "T.tex has the numbers in another order or twice"),
        ([*RIGHT[1:2], *RIGHT[:1], *RIGHT[2:]], "T.tex has the numbers in another order or twice"),
        ([*RIGHT, ("ours", "d", "2.00")], "page 3 has '2.00' under the unknown id T/d/x"),
    ],
)
def test_a_number_that_is_wrong_missing_or_elsewhere_is_said(page, printed, expected):
    found = said(page, printed)
    assert len(found) == 1 and expected in found[0], found


def test_ids_may_hold_braces_and_slashes():
    assert MACRO.findall(r"\ours{A/x_{1}/b c} & \difference{A/y/z}") == [
        ("ours", "A/x_{1}/b c"),
        ("difference", "A/y/z"),
    ]


def test_what_a_table_prints_where_it_has_nothing(tmp_path):
    (tmp_path / "T.csv").write_text(COLUMNS + ROWS)
    read = texts([tmp_path / "T.csv"])
    assert read["ours"].tolist() == ["97.50 ± 0.20", "not run", "1.00"] and read["printed"].iloc[2] == "-"


def test_numbers_in_tables_are_the_same_to_a_billionth():
    assert same(1.0, 1.0 + 1e-10) and not same(1.0, 1.0 + 1e-8) and same(np.nan, np.nan) and not same(np.nan, 0.0)
    assert same(np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-10])) and not same(np.array([1.0]), np.array([1.0, 1.0]))
    assert not same("a", "b") and not same(1, 2)


def test_the_first_row_and_line_that_differ_are_said(tmp_path):
    frame = pd.DataFrame({"variant": ["x", "y"], "metric": ["AUROC", "FPR95"], "mean": [0.5, 0.25]})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.assign(mean=[0.5, 0.75]).to_parquet(tmp_path / "b.parquet")
    (found,) = differences(tmp_path / "a.parquet", tmp_path / "b.parquet")
    assert "row 1 (y FPR95), column mean" in found.what and (
        found.expected.strip('"'),
        found.found.strip('"'),
    ) == ("0.75", "0.25")
    (tmp_path / "a.csv").write_text("id,x\nT/a,1\nT/b,2\n")
    (tmp_path / "b.csv").write_text("id,x\nT/a,1\nT/b,3\n")
    (found,) = differences(tmp_path / "a.csv", tmp_path / "b.csv")
    assert found.what == "line 3, T/b" and (found.expected, found.found) == ("T/b,3", "T/b,2")
    assert list(differences(tmp_path / "a.csv", tmp_path / "a.csv")) == []


def test_names_of_parts_of_a_drawing_are_no_difference(tmp_path):
    one, other = tmp_path / "one.html", tmp_path / "other.html"
    one.write_text('<b>7</b><path id="m0123456789"/>\n')
    other.write_text('<b>7</b><path id="mabcdef0123"/>\n')
    assert list(differences(one, other)) == []
    other.write_text('<b>8</b><path id="mabcdef0123"/>\n')
    assert len(list(differences(one, other))) == 1
    for name, text in (("one.csv", "m0123456789\n"), ("other.csv", "mabcdef0123\n"), ("ends.csv", "m0123456789\r\n")):
        (tmp_path / name).write_bytes(text.encode())
    assert all(list(differences(tmp_path / "one.csv", tmp_path / name)) for name in ("other.csv", "ends.csv"))


def test_scores_made_again_may_differ_by_a_thousandth_of_their_spread(tmp_path):
    scores = pd.DataFrame({"dataset": "a", "image": range(4), "one": [0.0, 1.0, 2.0, 3.0], "two": [5.0, 6.0, 7.0, 9.0]})
    scores.to_parquet(tmp_path / "was.parquet")
    unit = scores["two"].std()
    for off, count in ((0.9e-3, 0), (1.1e-3, 1)):
        scores.assign(two=scores["two"] + [0, 0, off * unit, 0]).to_parquet(tmp_path / "now.parquet")
        found = rerun.differences(tmp_path / "was.parquet", tmp_path / "now.parquet")
        assert len(found) == count
    assert "column two, image 2 of a" in found[0].what
    for was, now in (([5.0, 6.0, np.nan, 9.0], scores["two"]), (scores["two"], [5.0, 6.0, np.nan, 9.0])):
        scores.assign(two=was).to_parquet(tmp_path / "nan.parquet")
        scores.assign(two=now).to_parquet(tmp_path / "now.parquet")
        (found,) = rerun.differences(tmp_path / "nan.parquet", tmp_path / "now.parquet")
        assert found.what == "column two, image 2 of a"
    scores.assign(image=[1, 0, 2, 3]).to_parquet(tmp_path / "now.parquet")
    found = rerun.differences(tmp_path / "was.parquet", tmp_path / "now.parquet")
    assert [one.what for one in found] == ["has other columns or images than the images and the checkpoint give"]


def test_a_cells_key_is_read_whatever_its_variant_holds():
    entry = pd.Series({"cell": "digits/rg/U=a/V=b/letters/AUROC"})
    assert Lineage("T/a/x", "demo", entry, None).key == {
        "benchmark": "digits",
        "detector": "rg",
        "variant": "U=a/V=b",
        "dataset": "letters",
        "metric": "AUROC",
    }
    assert Lineage("T/a/x", "demo", pd.Series({"cell": np.nan}), None).key == {}


def test_a_cell_links_to_the_page_of_its_artifact():
    digits = hashlib.sha256(b"RG-T3/k=1/SUN").hexdigest()[:10]
    assert link("RG-T3.imagenet", "RG-T3/k=1/SUN") == f"lineage/RG-T3.imagenet.html#{digits}"


def test_a_histogram_has_two_outlines_of_equal_area():
    drawn = histogram(np.linspace(0, 1, 400), np.full(50, 0.5))
    assert drawn.count("<path") == 2 and f'viewBox="0 0 {WIDTH} {HEIGHT}"' in drawn
    ood = drawn.split('class="ood" d="')[1].split('"')[0]
    assert ood.count("V0h") == 1 and ood.count("h") == BINS  # all of it in one bin, the highest


def test_a_crate_holds_what_it_does_not_leave_out():
    images, scores = "results/data/digits/images.npy", "results/scores/digits/seed0/msp.parquet"
    executed = "results/editions/demo/notebooks/rg.ipynb"
    page = executed.replace("ipynb", "html")
    left_out = [], [images], [images, scores], [executed, page, images]
    assert [held(paths) for paths in left_out] == ["whole", "scores", "numbers", "numbers"]
    assert all(CONTENTS["numbers"].match(path) for paths in left_out for path in paths)
    kept = [
        "editions/demo/artifacts/rg/RG-T1.digits.html",
        "metrics/digits/msp.parquet",
        "cells/digits.parquet",
        "data/digits/card.json",
        "data/digits/sheet.png",
    ]
    assert not any(kind.match(f"results/{path}") for path in kept for kind in CONTENTS.values())


@pytest.fixture
def records(page, tmp_path) -> Records:
    """Of a crate that names T.csv, which is there, and left.parquet; missing.parquet is neither named nor there."""
    names = ("T.csv", "T.tex", "left.parquet", "missing.parquet")
    inputs = [File(argument="tables", path=str(tmp_path / name), sha256="") for name in names]
    left_out = {str(tmp_path / name): hashlib.sha256(b"1").hexdigest() for name in ("T.csv", "left.parquet", "a.pdf")}
    return Records({"a.pdf": page.model_copy(update={"inputs": inputs})}, left_out)


def test_a_job_lacks_what_its_crate_left_out(records, tmp_path):
    assert records.lacking("a.pdf") == [str(tmp_path / "left.parquet")]


@pytest.mark.parametrize(("remade", "wrong"), [("1", False), ("2", True)])
def test_what_was_left_out_is_compared_by_its_digest(records, tmp_path, remade, wrong):
    (tmp_path / "remade").write_text(remade)
    found = list(replay.compared(records, tmp_path / "a.pdf", tmp_path / "remade"))
    assert [one.file for one in found] == [str(tmp_path / "a.pdf")] * wrong


def test_what_a_job_does_not_write_again_is_found(records, tmp_path):
    (found,) = replay.compared(records, tmp_path / "T.csv", tmp_path / "none")
    assert (found.file, found.what) == (str(tmp_path / "T.csv"), "is not written when its job is done again")


def test_a_method_goes_by_its_names_in_the_tables_beside_ours():
    def said(cell: str, head: str) -> dict:
        return called(Lineage("T/a/x", "demo", pd.Series({"cell": cell}), None), head)

    assert said("digits/rg/k=1 T=1/letters/AUROC", "rg") == {"method": "RG (rg, variant k=1 T=1)"}
    other = said("digits/encoding_output/U=1 V=tv/letters/AUROC", "TV &amp; co")["method"]
    default = "the default variant is called \u2016h\u2016_1 \u00d7 Energy"
    assert other == f"TV & co: encoding_output, variant U=1 V=tv; {default}"
    assert said("digits/network/test/digits/accuracy", "test") == {} == said("", "")


def test_the_rows_of_a_table_by_the_places_of_their_numbers():
    table = (
        '<table><tr><th>AUROC</th><th>A</th></tr><tr><th>RG</th><td title="T/RG/A"><a href="#12ab">1</a></td></tr>'
        '<tr><th>none</th><td>-</td></tr><tr><th>MSP</th><td><a href="#34cd">2</a></td></tr></table>'
    )
    assert heads(table) == {"12ab": "RG", "34cd": "MSP"} and heads("") == {}


def named(step: str, inputs: dict[str, str], **spec: object) -> Records:
    """A record of one output, ``results/out``, that names these files by argument."""
    given = [File(argument=argument, path=path, sha256="") for argument, path in inputs.items()]
    made, code = Made(argument="executed", path="results/out", sha256="", bytes=1), Code(digest="", modules={})
    return Records(
        {"results/out": Record.model_construct(step=step, output=made, inputs=given, spec=spec, code=code)}, {}
    )


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """The working directory, with a notebook, a printed table, and a link from among the notebooks to elsewhere."""
    monkeypatch.chdir(tmp_path)
    for file in ("notebooks/rg.py", "paper/published/rg.csv", "paper/claims.yaml", "results/rg.py"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text("raise SystemExit('harm')")
    Path("notebooks/link.py").symlink_to(tmp_path / "results/rg.py")
    return tmp_path


def test_what_a_steps_record_says_in_this_project_is_done_again(project):
    own = {"source": "notebooks/rg.py", "published": "paper/published/rg.csv", "evidence": "results/cells/b.parquet"}
    assert list(replay.refused(named("ood.training_cards", {"cards": "results/card.json"})["results/out"])) == []
    # A record's step is known by its name, in whatever folder of the package it lay.
    asked = named("ood.notebook", own, failed="/anywhere/at/all.ipynb", settings={"datasets": {"a": "A/B, 1..2"}})
    assert list(replay.refused(asked["results/out"])) == []
    own = {"document": "paper/claims.yaml", "published_cells": "paper/published/rg.csv", "times": "results/t.parquet"}
    assert list(replay.refused(named("ood.verdicts", own)["results/out"])) == []


@pytest.mark.parametrize(
    ("step", "inputs", "spec", "said"),
    [
        ("ood.notebook", {"source": "results/rg.py"}, {}, "'results/rg.py' (source) is not one of this project's own"),
        ("ood.notebook", {"source": "notebooks/../results/rg.py"}, {}, "is not one of this project's own files"),
        ("ood.notebook", {"source": "notebooks/link.py"}, {}, "'notebooks/link.py' (source) is not one"),
        ("ood.notebook", {"published": "results/rg.csv"}, {}, "'results/rg.csv' (published) is not one"),
        ("ood.verdicts", {"published_cells": "results/rg.csv"}, {}, "'results/rg.csv' (published_cells) is not one"),
        ("ood.verdicts", {"document": "results/claims.yaml"}, {}, "'results/claims.yaml' (document) is not one"),
        ("ood.cells", {"cards": "/etc/passwd"}, {}, "'/etc/passwd' (cards) is not a file in results/"),
        ("ood.cells", {"cards": "results/../../card.json"}, {}, "is not a file in results/"),
        ("ood.cells", {"cards": "results/.partial/card.json"}, {}, "is not a file in results/"),
        ("ood.notebook", {}, {"settings": {"order": ["a/../../b"]}}, "'a/../../b' leads out of the project's folder"),
        ("ood.notebook", {}, {"settings": {"benchmarks": {"/b": {}}}}, "'/b' leads out of the project's folder"),
        ("os", {}, {}, "its step 'os' is none that an audit runs (notebook, "),
        ("ood.download", {}, {}, "its step 'ood.download' is none that an audit runs"),
    ],
)
def test_what_no_step_needs_is_found_and_not_done(project, monkeypatch, step, inputs, spec, said):
    monkeypatch.setattr(replay, "function", lambda _: pytest.fail("it was run"))
    found = replay.again(named(step, inputs, **spec), "results/out", project / "scratch")
    assert [one.file for one in found] == ["results/out"]
    assert said in found[0].what and "is not made again: its " in found[0].what
    assert not (project / "scratch").exists()


def test_a_notebook_that_fails_is_kept_in_the_scratch_folder(project):
    inputs = {"source": "notebooks/rg.py", "published": "paper/published/rg.csv", "evidence": "results/rg.py"}
    asked = named("ood.notebook", inputs, failed=str(project / "overwritten"))
    asked["results/page"] = asked["results/art"] = asked["results/out"]
    for argument, output in (("page", "results/page"), ("artifacts", "results/art")):
        made = Made(argument=argument, path=output, sha256="", bytes=1)
        asked[output] = asked["results/out"].model_copy(update={"output": made})
    called, made = replay.arguments(asked, asked["results/out"], project / "scratch")
    assert called["spec"] == {"failed": str(project / "scratch/failed.ipynb")}
    assert all(path.is_relative_to(project / "scratch") for path in made.values())


def ran_on(python: str) -> nbformat.NotebookNode:
    """A notebook that says which Python executed it."""
    return nbformat.v4.new_notebook(metadata={"language_info": {"name": "python", "version": python}})


@pytest.mark.parametrize("crate", [False, True], ids=["there", "left out"])
@pytest.mark.parametrize(("recorded", "wrong"), [("3.11.7", False), ("3.12.1", True)])
def test_a_notebook_may_have_run_on_another_python_which_its_record_names(project, monkeypatch, crate, recorded, wrong):
    def execute(executed: Output) -> None:
        nbformat.write(ran_on("3.99.0"), executed)

    monkeypatch.setattr(replay, "function", lambda step: execute)
    file, asked = Path("results/rg.ipynb"), named("ood.notebook", {})
    nbformat.write(ran_on("3.11.7"), file)
    made = Made(argument="executed", path=str(file), sha256="", bytes=1)
    record = asked["results/out"].model_copy(update={"output": made, "versions": {"python": recorded}})
    left_out = {str(file): sha256(file)} if crate else {}
    if crate:
        file.unlink()
    found = replay.again(Records({str(file): record}, left_out), str(file), project / "scratch")
    assert [one.file for one in found] == [str(file)] * wrong


def test_tables_of_a_pdf_are_read_in_the_results_alone(project):
    asked = named("ood.paper", {"source": "paper/appendix.tex", "tables": "/etc/passwd"})
    (found,) = numbers.verify(asked, ["results/out"]).findings
    assert "its input '/etc/passwd' (tables) is not a file in results/" in found.what


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"tables": "results/T.csv"}, "cannot be compared with its tables: KeyError: 'artifacts'"),
        ({"artifacts": "results/T.tex"}, "cannot be compared with its tables: KeyError: 'tables'"),
        ({"tables": "results/T.tex", "artifacts": "results/T.tex"}, "cannot be compared with its tables: KeyError"),
    ],
)
def test_tables_that_are_no_tables_are_a_finding(project, monkeypatch, inputs, said):
    Path("results/T.csv").write_text(COLUMNS + ROWS)
    Path("results/T.tex").write_text("no table")
    monkeypatch.setattr(numbers, "marks", lambda _: [])
    level = numbers.verify(named("ood.paper", inputs), ["results/out"])
    assert len(level.findings) == 1 and said in level.findings[0].what and " 0 numbers read" in str(level)


@pytest.mark.parametrize("text", ["no", "[]", "{}", '{"@graph": [{}]}', '{"@graph": [{"@id": "hash://sha256/1"}]}'])
def test_metadata_that_no_crate_has_are_said(tmp_path, text):
    (tmp_path / "ro-crate-metadata.json").write_text(text)
    with pytest.raises(Problem, match="ro-crate-metadata.json is not the metadata of a crate of ours .* Unpack"):
        left_out(tmp_path)


def test_scores_are_made_again_by_their_own_steps_alone(project):
    (found,) = rerun.again(named("ood.fetch", {}), "results/out", project / "scratch")
    assert "its step 'ood.fetch' is none that an audit runs (extraction, score)" in found.what


def test_scores_without_a_record_are_a_finding(project):
    """Of a drawn cell: level (a) says why, and level (c) goes on with the others."""
    (found,) = rerun.again(Records({}, {}), "results/scores/b/seed0/msp.parquet", project / "scratch")
    said = "results/scores/b/seed0/msp.parquet: has no record that can be read, so it is not made again"
    assert str(found) == said


def test_hidden_folders_of_results_are_not_walked_where_jobs_are_at_work(tmp_path, monkeypatch):
    """A job's scratch folder that is gone between its being listed and being walked."""
    monkeypatch.chdir(tmp_path)
    for file in ("results/.partial/a/draft", "results/data/.hidden/b", "results/data/c", "results/data/c.record.json"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text("")
    assert not any(".partial" in str(path) for path in walk())
    listed = os.scandir

    def scandir(path: str) -> object:
        if ".partial" in str(path):
            raise FileNotFoundError(path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [str(path) for path in files()] == ["results/data/.hidden/b", "results/data/c"]
    assert list(Records.load().broken) == ["results/data/c.record.json"]


def test_linked_folders_of_results_are_walked_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("elsewhere/demo").mkdir(parents=True)
    for file in ("elsewhere/demo/appendix.pdf", "elsewhere/demo/appendix.pdf.record.json"):
        Path(file).write_text("")
    Path("results").mkdir()
    Path("results/editions").symlink_to(tmp_path / "elsewhere")
    assert [str(path) for path in files()] == ["results/editions/demo/appendix.pdf"]
    assert list(Records.load().broken) == ["results/editions/demo/appendix.pdf.record.json"]
    assert walk(linked=False) == []
