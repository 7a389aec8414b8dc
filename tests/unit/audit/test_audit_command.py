"""``python -m ood.audit verify``: the levels that are asked for are checked, and nothing else can be asked for."""

from pathlib import Path

import pytest

from ood.audit import __main__ as command
from ood.audit import chain, numbers, rerun
from ood.audit.findings import Finding, Level
from ood.errors import Problem
from ood.records import Record, Records


@pytest.fixture
def levels(tmp_path, monkeypatch) -> dict[str, list[Finding]]:
    """What each level finds, nothing unless a test says so, in a folder with a record of one edition."""
    found = {"a": [], "b": [], "c": []}
    for module, name in ((chain, "a"), (numbers, "b"), (rerun, "c")):
        monkeypatch.setattr(module, "verify", lambda *arguments, name=name: Level(name, "a run", found[name]))
    monkeypatch.chdir(tmp_path)
    Path("results/editions/demo/artifacts").mkdir(parents=True)
    Path("results/editions/demo/a.csv.record.json").write_text("{}")
    return found


def verify(*options: str) -> bool:
    return command.run(command._parser().parse_args(["verify", *options]))


@pytest.mark.parametrize(
    ("options", "checked"),
    [
        ([], "ab"),
        (["--levels", "a"], "a"),
        (["--levels", "b"], "b"),
        (["--rerun", "2"], "abc"),
        (["--levels", "b", "--rerun", "2"], "bc"),
    ],
)
def test_the_levels_that_are_asked_for_are_checked(levels, capsys, options, checked):
    assert verify(*options)
    assert [line[0] for line in capsys.readouterr().out.splitlines()] == list(checked)


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_what_any_level_finds_fails(levels, name):
    levels[name].append(Finding("a.csv", "was changed"))
    assert not verify("--rerun", "1")


@pytest.mark.parametrize("wrong", ["A", "", "c", "abc", "aa"])
def test_a_level_that_there_is_not_is_an_error(levels, capsys, wrong):
    with pytest.raises(SystemExit) as stopped:
        verify("--levels", wrong)
    assert stopped.value.code == 2 and "argument --levels: invalid choice" in capsys.readouterr().err


def test_without_results_nothing_is_checked(levels, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path / "results")
    assert verify()
    assert capsys.readouterr().out == "nothing was run in this folder\n"


@pytest.mark.parametrize("folders", [("", "."), (".", "")])
def test_a_run_is_not_compared_with_itself_because_none_is_named(folders):
    with pytest.raises(Problem, match="the folder of one is not named. Name it: make diff OLD=folder"):
        command._parser().parse_args(["diff", *folders])


def test_records_without_an_edition_are_checked(levels, monkeypatch, capsys):
    """All of them, by level (b) too, and not what no edition has made."""
    Path("results/editions/demo/a.csv.record.json").unlink()
    for folder in ("results/editions/demo/artifacts", "results/editions/demo"):
        Path(folder).rmdir()
    records = Records({"results/cells/b.parquet": Record.model_construct(inputs=[])}, {})
    monkeypatch.setattr(Records, "load", lambda: records)
    asked = {}
    for module, name in ((chain, "a"), (numbers, "b")):
        monkeypatch.setattr(
            module, "verify", lambda *arguments, name=name: asked.update({name: arguments}) or Level(name, "", [])
        )
    assert verify()
    assert asked == {"a": (records, [], False), "b": (records, ["results/cells/b.parquet"])}
    for name in ("demo", None):
        with pytest.raises(Problem, match="No edition has results in this folder. Make one first: make demo"):
            command._edition(name)


def test_an_edition_without_results_is_named(levels):
    with pytest.raises(Problem, match="unknown edition with results 'dmo'. Did you mean 'demo'?"):
        verify("dmo")


def test_results_without_records_are_checked(levels, capsys):
    """Someone deleted all records: every file is a finding then."""
    Path("results/editions/demo/a.csv.record.json").rename("results/editions/demo/a.csv")
    assert verify() and capsys.readouterr().out.startswith("a")


def test_a_record_that_cannot_be_read_is_one(levels):
    levels["a"].append(Finding("results/editions/demo/a.csv.record.json", "is not a record"))
    assert not verify()


def test_of_parts_of_editions_todays_configuration_is_not_asked(levels, monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chain, "plan", lambda *targets: pytest.fail("it was asked"))
    assert chain.verify(Records({}, {}), []).findings == []
