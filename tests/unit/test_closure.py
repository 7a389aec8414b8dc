"""Import closures: what a job's code is, and when its digest changes."""

import pytest

from ood import closure


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "ood"
    (folder / "methods").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "methods/__init__.py": "",
        "methods/a.py": "from ood.methods import helper\nimport ood.far",
        "methods/b.py": "def lazy():\n    from ood.methods.helper import thing\n",
        "methods/helper.py": "import numpy",
        "far.py": "",
        "alone.py": "from ood.far import function",
    }.items():
        (folder / name).write_text(text)
    (tmp_path / "lock").write_text("lock")
    monkeypatch.setattr(closure, "PACKAGE", folder)
    monkeypatch.setattr(closure, "LOCK", tmp_path / "lock")
    closure._edges.cache_clear()
    closure.digest.cache_clear()
    yield folder
    closure._edges.cache_clear()
    closure.digest.cache_clear()


def digest(*roots: str) -> str:
    closure._edges.cache_clear()
    closure.digest.cache_clear()
    return closure.digest(*roots)


def test_a_closure_follows_every_form_of_import(package):
    assert list(closure.closure("ood.methods.a")) == [
        "ood",
        "ood.far",
        "ood.methods",
        "ood.methods.a",
        "ood.methods.helper",
    ]
    assert "ood.methods.helper" in closure.closure("ood.methods.b")
    assert list(closure.closure("ood.alone")) == ["ood", "ood.alone", "ood.far"]


def test_a_digest_changes_with_its_closure_only(package):
    before = {name: digest(f"ood.{name}") for name in ("methods.a", "methods.b", "alone")}
    (package / "methods" / "helper.py").write_text("import numpy as np")
    after = {name: digest(f"ood.{name}") for name in before}
    assert {name for name in before if before[name] != after[name]} == {"methods.a", "methods.b"}
    (package / "methods" / "helper.py").touch()
    assert {name: digest(f"ood.{name}") for name in before} == after


def test_the_frame_that_jobs_run_in_is_in_no_closure_but_its_own(package):
    for name in closure.FRAME:
        (package / f"{name}.py").write_text("import ood.behind")
    (package / "behind.py").write_text("")
    (package / "far.py").write_text("from ood.step import run\nfrom ood import closure, errors, ledger, progress")
    assert list(closure.closure("ood.alone")) == ["ood", "ood.alone", "ood.far"]
    assert list(closure.closure("ood.ledger")) == ["ood", "ood.behind", "ood.ledger"]
    before = digest("ood.alone")
    (package / "step.py").write_text("import ood.behind\nimport ood.methods.a")
    assert digest("ood.alone") == before
    (package / "far.py").write_text("import ood.behind")
    assert digest("ood.alone") != before


def test_the_frame_is_there():
    assert [name for name in closure.FRAME if closure.file_of(f"ood.{name}") is None] == []


def test_a_digest_changes_with_the_lock(package):
    before = digest("ood.alone")
    closure.LOCK.write_text("another")
    assert digest("ood.alone") != before


def test_a_notebook_can_be_a_root(package, tmp_path):
    notebook = tmp_path / "paper.py"
    notebook.write_text("from ood.methods import a")
    assert "ood.methods.helper" in closure.closure(str(notebook))


def test_an_unknown_root_is_refused(package):
    with pytest.raises(FileNotFoundError, match="no module 'ood.nothing'"):
        closure.closure("ood.nothing")
