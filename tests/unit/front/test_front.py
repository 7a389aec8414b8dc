"""The front page from made-up crates: what the table says, where it says it comes from, how many signs there are."""

import json
import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from ood.claims.claims import Document
from ood.errors import Problem
from ood.front import page, picture
from ood.front.__main__ import write
from ood.front.runs import read

FOLDER = "results/editions/tiny/artifacts/overview"
ABOUT = {"one": {"title": "One", "seeds": [0, 1]}, "two": {"title": "Two", "seeds": [0]}}
CLAIMS = """id,row,column,printed,ours
CLAIMS/RG/one,RG,one,1 / 1,1 / 1 / 0 / 0
CLAIMS/RG/two,RG,two,1 / 1,0 / 0 / 1 / 0
CLAIMS/RG-T1.1/one,RG-T1.1,one,holds,"fails −1.25 [−2.50, −0.12]"
CLAIMS/RG-T1.2a/one,RG-T1.2a,one,fails,"holds 0.50 [0.25, 1.75]"
CLAIMS/RG-T1.1/two,RG-T1.1,two,holds,"within noise 0.50 [−0.25, 1.75]"
CLAIMS/RG-T1.2a/two,RG-T1.2a,two,fails,–
"""
HEADLINE = """row,ours,cell,mean
msp,90.00 ± 1.00,{0}/msp/msp/average/AUROC,90.0
rg,9.50 ± 2.00,{0}/rg/k=1 T=1/average/AUROC,9.5
gaia_z,85.00 ± 3.00,{0}/gaia_z/all/average/AUROC,85.0
knn,95.00 ± 4.00,{0}/knn/k=50/average/AUROC,95.0
gaia_z,99.00 ± 0.00,{0}/gaia_z/all/average_resize/AUROC,99.0
gaia_z,99.00 ± 0.00,{0}/gaia_z/all/average/FPR95,99.0
exgrad,not run,,
"""
DOCUMENT = Document(
    within=1,
    terms={},
    groups={},
    sets={},
    claims=[
        {"id": "RG-T1.1", "source": "Table 1", "claim": "first", "holds": "auroc(rg) > auroc(msp)"},
        {"id": "RG-T1.2a", "source": "Table 1", "claim": "second", "holds": "auroc(rg) > auroc(knn)"},
        {"id": "RG-T1.3", "source": "Table 1", "claim": "seen", "unchecked": "visual"},
    ],
)


def crate(file: Path, **changed: str | None) -> Path:
    """The parts of a crate that are read; ``changed`` by file name, None for what is left out."""
    old = {"started": "2026-01-01T10:00:00+00:00", "commit": "a" * 40, "dirty": True, "cpu": "ZX 81", "gpu": None}
    new = old | {"started": "2026-02-01T09:00:00+00:00", "commit": "b" * 40, "dirty": False, "gpu": "H1"}
    settings = {"benchmarks": dict(sorted(ABOUT.items(), reverse=True)), "order": list(ABOUT)}
    content = {
        "CLAIMS.csv": CLAIMS,
        "CLAIMS.csv.record.json": json.dumps(old | {"spec": {"settings": settings}}),
        "HEADLINE.one.csv": HEADLINE.format("one"),
        "HEADLINE.one.csv.record.json": json.dumps(new),
        "HEADLINE.two.csv": HEADLINE.format("two").replace("rg,9.50", "rg,91.00").replace(",9.5\n", ",91\n"),
    }
    with zipfile.ZipFile(file, "w") as made:
        for name, text in (content | changed).items():
            if text is not None:
                made.writestr(f"{FOLDER}/{name}", text)
    return file


@pytest.fixture
def run(tmp_path):
    return read(crate(tmp_path / "spring.zip"))


@pytest.fixture
def frame(run) -> pd.DataFrame:
    """Of five claims one is a reading of ours and one another form of the first: they are shown and not counted."""
    said = pd.DataFrame(
        [("", "", "holds"), ("", "", "fails"), ("", "", "holds"), ("ours", "", "fails"), ("", "RG-T1.1", "fails")],
        columns=["reading", "form_of", "printed"],
        index=pd.Index(["RG-T1.1", "RG-T1.2a", "RG-T1.4", "RG-T1.5", "RG-T1.6"], name="id"),
    )
    return said.join(run.verdicts()).fillna("")


def test_a_run_says_where_it_comes_from(run):
    assert run.name == "spring" and run.titles == {"one": "One, 2 seeds", "two": "Two"}
    commits = "2 commits, the last bbbbbbb, some with uncommitted changes"
    assert run.origin == f"2026-01-01 to 2026-02-01, {commits}, H1, ZX 81"


def test_verdicts_are_those_of_the_claims(run):
    assert run.verdicts().to_dict() == {
        "spring/one": {"RG-T1.1": "fails", "RG-T1.2a": "holds"},
        "spring/two": {"RG-T1.1": "within noise", "RG-T1.2a": ""},
    }


def test_the_table(run, frame):
    said = page.said(DOCUMENT, frame, [run], ["Three"]).replace("\u00a0", " ")
    assert [line for line in said.splitlines() if line.startswith("|")] == [
        "| Benchmark | GAIA | Igoe et al. | RG | Baseline | Best gradient method | Best method |",
        "| --- | :---: | :---: | :---: | :---: | :---: | :---: |",
        "| *as printed* | 0 / 0 | 0 / 0 | 2 / 1 |  |  |  |",
        "| One, 2 seeds<br>`spring: one` |  |  | 1 / 1 / 0 / 0 | MSP<br>90.00 ± 1.00 | GAIA-Z<br>85.00 ± 3.00 "
        "| KNN<br>95.00 ± 4.00 |",
        "| Two<br>`spring: two` |  |  | 0 / 0 / 1 / 0 | MSP<br>90.00 ± 1.00 | GAIA-Z<br>85.00 ± 3.00 "
        "| KNN<br>95.00 ± 4.00 |",
        "| Three<br>`full` | not run | not run | not run |  |  |  |",
    ]
    words = " ".join(said.split())
    assert "the number of the papers' 3 checkable claims" in words
    assert "for the papers' own numbers only holds / fails (of 0 none is printed);" in words
    assert "Not counted: 1 stricter readings of ours, which are judged too, and 1 claims that no printed" in words
    assert f"Released runs: `spring` ({run.origin})." in words


def test_without_a_run_it_says_so(frame):
    said = page.said(DOCUMENT, frame[["reading", "form_of", "printed"]], [], ["Three"])
    assert "No run is released yet: only what is printed is judged." in said and "Released runs" not in said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"CLAIMS.csv": None}, "0 files results/editions"),
        ({"HEADLINE.two.csv": None}, "HEADLINE.two.csv"),
        ({"CLAIMS.csv.record.json": "{"}, "Expecting property name"),
    ],
)
def test_what_has_not_the_tables_of_an_edition_is_refused(tmp_path, changed, said):
    with pytest.raises(Problem, match=f"a.zip is no crate of a whole edition: .*{said}.* make export and make release"):
        read(crate(tmp_path / "a.zip", **changed))


def test_what_is_no_zip_is_refused(tmp_path):
    (tmp_path / "a.zip").write_text("no")
    with pytest.raises(Problem, match="a.zip is no crate of a whole edition: File is not a zip file"):
        read(tmp_path / "a.zip")


def test_only_what_is_between_the_marks_changes():
    old = f"above\n{page.START}\nold\n{page.END}\nbelow\n"
    assert page.between(old, "new") == old.replace("old", "new")
    for broken in (old.replace(page.START, ""), old.replace(page.END, ""), ""):
        with pytest.raises(Problem, match="README.md has no place for the front page: put the lines"):
            page.between(broken, "new")


def test_nothing_is_half_written(tmp_path):
    write(tmp_path / "new" / "a.md", b"new")
    assert [(path.name, path.read_text()) for path in (tmp_path / "new").iterdir()] == [("a.md", "new")]


def test_claims_by_paper_table_and_number():
    assert picture.parts("GAIA-S-T3.2b") == ("GAIA", "S-T3", "2b") and picture.parts("RG-T1.1") == ("RG", "T1", "1")


def test_the_picture_has_a_sign_for_every_verdict_and_the_same_bytes_again(run, frame):
    rows = picture.rows(frame, [run], ["Three"])
    made = picture.picture(rows, ["from here", "and there"], "digest of the data")
    tiles = {"#0072b2": 3, "#d55e00": 4, "#d9d9d9": 1}  # holds, fails, within noise; one more of each in the legend
    text = made.decode()
    assert {one: len(re.findall(f"fill: {one}", text)) - 1 for one in tiles} == tiles
    assert len(re.findall("stroke: #bbbbbb", text)) - 1 == 5  # not run
    assert "digest of the data" in text and "<dc:date>" not in text
    assert picture.picture(rows, ["from here", "and there"], "digest of the data") == made


def test_a_tables_name_beside_its_last_claim_and_where_runs_come_from_fit_into_the_picture(monkeypatch):
    drawn = []
    monkeypatch.setattr(picture.plt, "close", drawn.append)
    verdicts = pd.Series("holds", index=[f"IGOE-T1.{place}" for place in range(30)] + ["IGOE-TEXT.2"])
    origins = [f"{name}: 2026-11-23, commit c3e6f36, NVIDIA A100-SXM4-80GB" for name in ("one", "two", "three")]
    picture.picture([[("as printed", verdicts)]], origins, "")
    (figure,) = drawn
    boxes = {text.get_text(): text.get_window_extent() for text in figure.axes[0].texts}
    assert boxes["TEXT"].x1 < figure.bbox.x1 and boxes["as printed"].x0 > 0
    assert all(boxes[origin].x1 < figure.bbox.x1 and boxes[origin].y0 > 0 for origin in origins)
