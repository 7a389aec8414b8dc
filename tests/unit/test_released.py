"""What enters results/released: under a name of its own, and the very bytes that were verified."""

from pathlib import Path

import pytest

from ood.audit import released
from ood.errors import Problem


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
