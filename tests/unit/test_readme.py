"""The front page is what ``make front`` makes of the released runs: nobody types its numbers."""

from hashlib import sha256
from pathlib import Path

import pytest

from ood.audit import released
from ood.front.__main__ import files
from ood.front.page import FOLDER, README

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_readme_and_the_data_of_its_picture_are_as_made_now():
    made = files()
    for path in (README, FOLDER / "claims.csv"):
        assert path.read_bytes() == made[path], f"{path}: make front"


def test_the_picture_is_of_these_data():
    assert sha256((FOLDER / "claims.csv").read_bytes()).hexdigest() in (FOLDER / "claims.svg").read_text()


def test_the_order_in_which_runs_were_released_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.setattr(released, "RELEASED", tmp_path)
    for name in ("b", "c", "a"):
        (tmp_path / f"{name}.zip").touch()
    assert [file.stem for file in released.runs()] == ["a", "b", "c"]
