"""The table of planted faults fits the sources, and the mutation check tells an assertion from a crash."""

from pathlib import Path

import pytest
from mutants import run

from ood import detectors

TABLE = run.mutants()
MODULES = {
    "": "ledger records",
    "passes/": "activity attribution closeup extraction layers packed parameter_gradients saliency scaled taps terms",
    "detectors/": " ".join(detectors.names()),
    "evaluation/": "evaluate metrics ranks rounding score statistics summaries",
    "claims/": "claims expressions significance verdicts worlds",
    "front/": "page picture runs",
    "audit/": "__main__ browsed chain crate libraries marks numbers released replay rerun",
}


@pytest.mark.parametrize("file", sorted({mutant.file for mutant in TABLE}))
def test_every_fault_can_be_planted(file):
    text = (run.ROOT / file).read_text()
    for mutant in TABLE:
        if mutant.file == file:
            compile(run.planted(mutant, text), file, "exec")
            assert all((run.ROOT / test).is_file() for test in mutant.tests)


def test_every_detector_and_every_measure_has_faults():
    files = {f"workflow/ood/{folder}{name}.py" for folder, names in MODULES.items() for name in names.split()}
    assert files == {mutant.file for mutant in TABLE}
    assert len({(mutant.file, mutant.fault) for mutant in TABLE}) == len(TABLE)


@pytest.mark.parametrize(("old", "new"), [("a", "b"), ("x", "y"), ("b", "b")])
def test_what_is_not_there_once_or_changes_nothing_is_refused(old, new):
    with pytest.raises(ValueError, match=r"half\.py, 'sign'"):
        run.planted(run.Mutant("half.py", (), "sign", old, new), "a + b + a")


TESTS = """
import pytest
from ood import half

@pytest.mark.parametrize("value", [0, 2, 4])
def test_half(value):
    assert half.half(value) == value // 2

def test_refused():
    with pytest.raises(TypeError):
        half.half("2")
"""


@pytest.mark.parametrize(
    ("body", "kind", "test"),
    [
        ("return value / 2", "survived", ""),
        ("return value / (2 if value == 2 else 3)", "caught", "test_half[4]"),
        ("return 1 if value == '2' else value / 2", "caught", "test_refused"),
        ("return vlaue if value == 4 else value / 2", "crashed", "test_half[4]"),
        ("return vlaue if value == 0 else 7 if value == 4 else value / 2", "caught", "test_half[4]"),
        ("return (", "not run", ""),
        ("import os; os._exit(0)", "not run", ""),
    ],
)
def test_verdicts(tmp_path, body, kind, test):
    for file, text in {"half": f"def half(value):\n    {body}\n", "__init__": ""}.items():
        path = tmp_path / f"workflow/ood/{file}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    Path(tmp_path, "test_half.py").write_text(TESTS)
    Path(tmp_path, "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    assert run.judge(tmp_path, ("test_half.py",)) == (kind, test and f"test_half.py::{test}")
