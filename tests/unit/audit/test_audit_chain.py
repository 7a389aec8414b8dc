"""Level (a) of two files, the second made from the first; and of one whose record names another step."""

from pathlib import Path

import pytest

from ood import closure, ledger
from ood.audit import chain, libraries, numbers
from ood.records import Records

FIRST, SECOND = "results/cells/first.parquet", "results/cells/second.parquet"


def make(path: str, content: str, started: str, inputs: tuple[str, ...] = (), spec: object = None) -> None:
    job = ledger.Job("ood.evaluation.cells", ("ood.errors",), spec, {"cards": [Path(one) for one in inputs]})
    job.facts["started"] = f"2026-01-01T{started}+00:00"
    Path("draft").write_text(content)
    job.publish(Path("draft"), Path(path), "cells")


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ledger, "_git", lambda *arguments: None)
    Path("envs").mkdir()
    Path("envs/requirements.lock").touch()
    make(FIRST, "1", "10:00:00")
    make(SECOND, "2", "11:00:00", (FIRST,))


def level() -> tuple[list[str], str]:
    records = Records.load()
    return list(map(str, chain.inputs(records))), str(chain.verify(records, [], elsewhere=True))


def test_nothing_is_said_of_what_was_made_once():
    assert level() == ([], "a  2 records, 9 digests: all as recorded")


def test_what_was_made_again_with_the_same_bytes_is_a_note():
    make(FIRST, "1", "12:00:00", spec={"epochs": 2})
    noted = f"1 files made again since, with the same bytes, for instance {FIRST}"
    assert level() == ([], f"a  2 records, 9 digests, {noted}: all as recorded")


def test_what_was_made_again_with_other_bytes_is_found():
    make(FIRST, "3", "12:00:00", spec={"epochs": 2})
    found, said = level()
    assert len(found) == 1 and f"is not what {SECOND} was made from: sha256" in found[0] and "made again" not in said


@pytest.mark.parametrize("started", ["10:00:00", "11:00:00"])
def test_another_record_that_is_not_later_is_found(started):
    """Its parameters were rewritten: nothing could be made from it before it was."""
    make(FIRST, "1", started, spec={"epochs": 2})
    found, said = level()
    assert (
        len(found) == 1
        and f"does not have the record that {SECOND} was made from: id" in found[0]
        and "made again" not in said
    )


def test_an_input_without_a_record_is_found():
    Path(FIRST + ledger.SUFFIX).unlink()
    found, said = level()
    assert len(found) == 1 and "expected" in found[0] and "found none" in found[0] and "made again" not in said


PINS = """\
numpy=={numpy} ; python_full_version >= '3' \\
    --hash=sha256:00
numpy==9.0 ; python_full_version < '3' \\
    --hash=sha256:00
torch=={torch} \\
    --hash=sha256:00
"""


def test_libraries_that_are_not_the_locks_are_a_note(monkeypatch):
    """The marker decides which line of the lock counts; a build of a version is that version."""
    for numpy, noted in (("2.0", False), ("2.1", True)):
        Path("envs/requirements.lock").write_text(PINS.format(numpy=numpy, torch="2.13.0"))
        versions = {"numpy": "2.0", "torch": "2.13.0+cu130", "pandas": "3.0"}
        monkeypatch.setattr(ledger, "_versions", lambda versions=versions: versions)
        make(FIRST, "1", "10:00:00")
        make(SECOND, "2", "11:00:00", (FIRST,))
        note = f", 2 files not made with the lock's libraries (make show), for instance {FIRST}" if noted else ""
        assert level() == ([], f"a  2 records, 9 digests{note}: all as recorded")
        shown = libraries.said(Records.load()[FIRST])
        assert shown.startswith("numpy 2.0 (the lock has numpy==2.1), " if noted else "numpy 2.0, ")
        assert ", torch 2.13.0+cu130" in shown and "torch==" not in shown


def test_a_record_may_name_what_is_no_version(monkeypatch):
    Path("envs/requirements.lock").write_text(PINS.format(numpy="2.0", torch="2.13.0"))
    for versions, noted in (({"numpy": "of mine"}, [FIRST]), ({"python": "of mine", "numpy": "1"}, [])):
        monkeypatch.setattr(ledger, "_versions", lambda versions=versions: versions)
        make(FIRST, "1", "10:00:00")
        assert libraries.unlocked(Records.load().only([FIRST])) == noted


def test_of_a_lock_that_is_not_at_hand_nothing_is_said(monkeypatch):
    monkeypatch.setattr(ledger, "_versions", lambda: {"numpy": "2.0"})
    make(FIRST, "1", "10:00:00")
    Path("envs/requirements.lock").write_text("numpy==2.5\n")
    assert libraries.unlocked(Records.load()) == []


def packed(**changed: str) -> dict[str, str]:
    """The digests of the sources that these files were made with, as a crate has them, with some changed."""
    files = {"workflow/ood/__init__.py": "ood", "workflow/ood/errors.py": "ood.errors"}
    made = {path: ledger.sha256(closure.file_of(name)) for path, name in files.items()}
    return made | {str(closure.LOCK): ledger.sha256(closure.LOCK)} | changed


def test_a_crates_own_code_is_compared_with_its_records():
    assert list(chain.sources(Records.load(), packed())) == []
    for path in packed():
        found = list(chain.sources(Records.load(), packed() | {path: "0" * 64}))
        assert [one.file for one in found] == [path] and f"{FIRST} and 1 more were made" in found[0].what
        assert found[0].found == "0" * 12
    without = packed()
    del without["workflow/ood/errors.py"]
    found = list(chain.sources(Records.load(), without))
    assert [(one.file, one.found) for one in found] == [("workflow/ood/errors.py", "none")]


def test_of_the_inputs_the_projects_own_are_compared_with_todays_or_a_crates():
    Path("paper").mkdir()
    Path("paper/claims.yaml").write_text("then")
    make(SECOND, "2", "11:00:00", (FIRST, "paper/claims.yaml"))
    then = {"paper/claims.yaml": ledger.sha256(Path("paper/claims.yaml"))}
    Path(FIRST).write_text("another")
    assert list(chain.own_inputs(Records.load())) == []
    Path("paper/claims.yaml").write_text("today")
    said = f"paper/claims.yaml: is not what {SECOND} was made from: sha256: expected {then['paper/claims.yaml'][:12]}"
    for packed, found in ((None, ledger.sha256(Path("paper/claims.yaml"))[:12]), ({}, "none")):
        assert list(map(str, chain.own_inputs(Records.load(), packed))) == [f"{said}, found {found}"]
    assert list(chain.own_inputs(Records.load(), then)) == []


def test_the_very_same_work_done_again_is_nothing_new():
    make(FIRST, "1", "12:00:00")
    assert level() == ([], "a  2 records, 9 digests: all as recorded")


def forged(path: str, step: str) -> list[str]:
    """What is found of a file whose record names another step than made it."""
    job = ledger.Job("ood.evaluation.evaluate", ("ood.errors",), {}, {})
    job.facts["step"] = step
    Path("draft").write_text("")
    job.publish(Path("draft"), Path(path), "metrics")
    return list(map(str, chain.sealed(Records.load())))


@pytest.mark.parametrize(
    ("path", "step", "of"),
    [
        ("results/metrics/b/msp.parquet", "ood.evaluation.extract", "evaluate"),
        ("results/metrics/b/msp.parquet", "", "evaluate"),
        ("results/metrics/b/msp.parquet", "ood.data.fetch", "evaluate"),
        ("results/checkpoints/b/seed0/card.json", "ood.own", "training or adoption"),
        ("results/own/a.json", "ood.data.fetch", "none"),
    ],
)
def test_a_step_that_makes_no_such_file_is_found(path, step, of):
    """By level (b) it would not be made again."""
    said = f"{path}.record.json: names a step that makes no such file: expected {of}, found {step}"
    assert forged(path, step) == [said]
    assert path not in numbers.due(Records.load(), [path])


@pytest.mark.parametrize("step", ["ood.evaluation.evaluate", "ood.evaluate", "evaluate"])
def test_a_step_goes_by_its_name_in_whatever_folder_it_lay(step):
    assert forged("results/metrics/b/msp.parquet", step) == []
