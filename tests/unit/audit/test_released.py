"""What enters results/released: under a name of its own, and the very bytes that were verified."""

import json
import zipfile
from pathlib import Path

import pytest

from ood import closure, ledger
from ood.audit import __main__ as command
from ood.audit import released
from ood.audit.crate import sources
from ood.errors import Problem
from ood.records import CRATE, Records


@pytest.fixture
def crate(tmp_path, monkeypatch) -> Path:
    """A file to be released, in the working directory, which has no results."""
    monkeypatch.chdir(tmp_path)
    Path("run.zip").write_text("whole")
    return Path("run.zip")


def answer(monkeypatch, right: bool) -> None:
    """Let a crate be verified as right or not, by someone who meanwhile writes the original anew."""

    def verify(file: Path) -> tuple[bool, str]:
        assert file.read_text() == "whole"
        Path("run.zip").write_text("another")
        return right, "content whole\n"

    monkeypatch.setattr(released, "verify", verify)


def test_what_is_kept_is_what_was_verified(crate, monkeypatch):
    answer(monkeypatch, right=True)
    kept, said = released.release(crate, "digits-2")
    assert kept == Path("results/released/digits-2.zip") and kept.read_text() == "whole"
    assert said == "run.zip, content whole\n"
    assert [path for path in Path("results").rglob("*") if path.is_file()] == [kept]


def test_what_is_not_right_leaves_nothing(crate, monkeypatch):
    answer(monkeypatch, right=False)
    with pytest.raises(Problem, match=r"run.zip is not kept, because it is not as its records say:\ncontent whole"):
        released.release(crate, "digits")
    assert not list(Path("results").iterdir())


def test_what_is_no_crate_is_named_and_leaves_nothing(crate):
    with pytest.raises(Problem, match=r"^run.zip is not kept: .*run.zip is damaged or no archive"):
        released.release(crate, "digits")
    assert not list(Path("results").iterdir())


@pytest.mark.parametrize("name", ["../digits", "/tmp/digits", "a/b", "", ".digits", "-digits", "digits\n", "two words"])
def test_a_name_that_is_none_of_a_file_is_refused(crate, monkeypatch, name):
    answer(monkeypatch, right=True)
    with pytest.raises(Problem, match="cannot name a file. Use letters, digits"):
        released.release(crate, name)
    assert [path.name for path in Path().iterdir()] == ["run.zip"]


def test_a_name_that_is_taken_and_a_file_that_is_not_there_are_refused(crate, monkeypatch):
    answer(monkeypatch, right=True)
    released.release(crate, "digits")
    with pytest.raises(Problem, match="results/released/digits.zip exists. Give the new one another name"):
        released.release(crate, "digits")
    with pytest.raises(Problem, match="FROM 'gone.zip' is not a file. make export writes one"):
        released.release(Path("gone.zip"), "other")


CODE = ("workflow/ood/__init__.py", "workflow/ood/one.py", "envs/requirements.lock")
CLAIMS, RESULT = "paper/claims.yaml", "results/editions/demo/a.csv"


@pytest.fixture
def made(tmp_path, monkeypatch) -> Path:
    """The working directory with one result of an edition, made by code and from claims that are there too, and the
    metadata of its crate, which list it and a Makefile.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ledger, "_git", lambda *arguments: None)
    monkeypatch.setattr(closure, "PACKAGE", tmp_path / "workflow/ood")
    for path in (*CODE, CLAIMS, "Makefile", str(CRATE)):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("")
    Path("draft").write_text("1")
    made = ledger.Job("ood.one", ("ood.one",), {}, {"document": [Path(CLAIMS)]})
    made.publish(Path("draft"), Path(RESULT), "table")
    listed = [{"@id": path, "name": path, "sha256": ledger.sha256(Path(path))} for path in ("Makefile", RESULT)]
    CRATE.write_text(json.dumps({"@graph": [{"@id": "hash://sha256/1#a", "name": "a", "sha256": "1"}, *listed]}))
    return tmp_path


def crated(changed: str = "", without: tuple[str, ...] = ()) -> Path:
    """A crate of what is there, one file of it changed and some left out."""
    files = [path for path in Path().rglob("*") if path.is_file() and path.suffix != ".zip"]
    with zipfile.ZipFile("run.zip", "w") as packed:
        for path in (path for path in files if not str(path).endswith(without or "none")):
            packed.writestr(str(path), "changed" if str(path) == changed else path.read_text())
    return Path("run.zip")


def test_code_in_a_crate_must_be_what_its_records_say(made, tmp_path, monkeypatch):
    monkeypatch.setattr(released.subprocess, "run", lambda *a, **b: pytest.fail("levels a and b come after"))
    right = released.code(crated(), tmp_path / "one")
    assert str(right) == "code  5 files of the crate's project: all as recorded"
    with pytest.raises(
        Problem, match="is not as its records say:\n.*\ncode .*: 1 problems\n   workflow/ood/one.py: was edit"
    ):
        released.release(crated("workflow/ood/one.py"), "digits")
    assert not list(Path("results").glob("released/*"))


@pytest.mark.parametrize(
    ("changed", "without", "said"),
    [
        (CLAIMS, (), f"{CLAIMS}: is not what {RESULT} was made from: sha256: expected e3b0c44298fc, found "),
        ("", (CLAIMS,), f"{CLAIMS}: is not what {RESULT} was made from: sha256: expected e3b0c44298fc, found none"),
        ("Makefile", (), "Makefile: is not what the crate's metadata say: sha256: expected e3b0c44298fc, found "),
        ("", ("Makefile",), "Makefile: is not in the crate, though its metadata name it"),
        ("", (RESULT, f"{RESULT}.record.json", "draft"), "has no record, so the origin of its results is unknown"),
    ],
)
def test_what_a_crate_holds_must_be_what_its_records_and_metadata_say(made, monkeypatch, changed, without, said):
    monkeypatch.setattr(released.subprocess, "run", lambda *a, **b: pytest.fail("levels a and b come after"))
    with pytest.raises(Problem) as refused:
        released.release(crated(changed, without), "digits")
    assert said in str(refused.value) and "run.zip is not kept" in str(refused.value)


def test_hidden_files_are_none_of_the_projects_own(made):
    """An editor's, for instance: they would not be unpacked."""
    for path in ("paper/.claims.yaml.swp", "workflow/.cache/a.py", "workflow/__pycache__/a.pyc"):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text("")
    assert sources() == ["Makefile", "envs/requirements.lock", CLAIMS, *sorted(CODE[:2])]


def test_results_that_were_removed_with_their_records_are_missed(made, tmp_path):
    """The others hang together without the PDF."""
    Path("draft").write_text("2")
    ledger.Job("ood.one", ("ood.one",), {}, {}).publish(Path("draft"), Path("results/editions/demo/b.csv"), "table")
    level = released.code(crated(without=(RESULT, f"{RESULT}.record.json")), tmp_path / "one")
    assert list(map(str, level.findings)) == [f"{RESULT}: is not in the crate, though its metadata name it"]


def test_a_run_whose_code_was_edited_since_is_not_exported_by_chance(made, monkeypatch):
    monkeypatch.setattr(command, "export", lambda *given: exported.append(given[0]))
    exported = []
    Path("workflow/ood/one.py").write_text("edited")
    with pytest.raises(
        Problem, match=r"^workflow/ood/one.py: was edited since .*a.csv was made.* with STALE=1 \(--stale\)"
    ):
        command.run(command._parser().parse_args(["export", "run.zip", "demo"]))
    assert exported == []
    command.run(command._parser().parse_args(["export", "run.zip", "demo", "--stale"]))
    Path("workflow/ood/one.py").write_text("")
    Path(CLAIMS).write_text("edited")
    with pytest.raises(Problem, match=r"^paper/claims.yaml: is not what .*a.csv was made from.* would hold this file"):
        command.run(command._parser().parse_args(["export", "run.zip", "demo"]))
    Path(CLAIMS).write_text("")
    command.run(command._parser().parse_args(["export", "run.zip"]))
    assert exported == ["demo", "demo"] and len(Records.load()) == 1


TABLE = """id,printed,ours
T/msp/digits AUROC,90.1,91.20 ± 0.10
T/rg/digits AUROC,,92.00 ± 0.00
T/knn/digits AUROC,80.0,
"""


def cell(row: str, value: str, **more: str) -> dict[str, str]:
    name = f"T/{row}/digits AUROC"
    return {"@id": f"#cell/T/{row}/digits%20AUROC", "@type": "PropertyValue", "name": name, "value": value, **more}


MSP = cell("msp", "91.20 ± 0.10", description="printed in the paper: 90.1")
RG = cell("rg", "92.00 ± 0.00")
PARAMETERS = {"@id": "#spec/1", "@type": "PropertyValue", "name": "parameters", "value": "{}"}
WRONG = "ro-crate-metadata.json: #cell/T/{}/digits%20AUROC is not as in the tables: expected {}, found {}"
SAID = {"msp": "T/msp/digits AUROC; 91.20 ± 0.10; printed in the paper: 90.1", "rg": "T/rg/digits AUROC; 92.00 ± 0.00"}


@pytest.mark.parametrize(
    ("numbers", "wrong"),
    [
        ([MSP, RG], []),
        ([MSP, RG | {"value": "99.99"}], [("rg", SAID["rg"], "T/rg/digits AUROC; 99.99")]),
        ([MSP | {"description": "printed in the paper: 99.9"}, RG], [("msp", SAID["msp"], SAID["msp"][:-4] + "99.9")]),
        ([MSP], [("rg", SAID["rg"], "none")]),
        ([MSP, RG, cell("knn", "80.0")], [("knn", "none", "T/knn/digits AUROC; 80.0")]),
        ([MSP, RG, RG | {"value": "1"}], [("rg", SAID["rg"], f"{SAID['rg']} | T/rg/digits AUROC; 1")]),
    ],
    ids=["as in the tables", "another value", "another print", "missing", "added", "twice"],
)
def test_the_numbers_in_a_crates_metadata_are_those_of_its_tables(tmp_path, numbers, wrong):
    (tmp_path / "results/editions/demo/artifacts").mkdir(parents=True)
    (tmp_path / "results/editions/demo/artifacts/T.csv").write_text(TABLE)
    (tmp_path / CRATE).write_text(json.dumps({"@graph": [PARAMETERS, {"@id": "x"}, *numbers]}))
    assert list(map(str, released.printed(tmp_path).findings)) == [WRONG.format(*one) for one in wrong]


def test_numbers_under_another_kind_of_id_are_found_too(tmp_path):
    (tmp_path / "results/editions/demo/artifacts").mkdir(parents=True)
    (tmp_path / "results/editions/demo/artifacts/T.csv").write_text(TABLE)
    added = {"@id": "#best", "@type": ["PropertyValue"], "name": "best", "value": "99.99"}
    (tmp_path / CRATE).write_text(json.dumps({"@graph": [MSP, RG, added]}))
    (found,) = released.printed(tmp_path).findings
    assert "#best is not as in the tables" in found.what and found.found == "best; 99.99"
