"""What `make data` prints: the state of every file, who needs it, what is still to come."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ood.data import catalogue
from ood.data.catalogue import ARCHIVES, files
from ood.data.rows import Dataset, File
from ood.jobs import inventory

ROOT = Path(__file__).parents[3]


def row(name: str, size: int | None = 3, urls: tuple[str, ...] = ()) -> File:
    facts = {"dataset": "D", "version": "1", "digest": "", "items": None, "licence": "", "papers": [], "note": ""}
    return File.model_construct(file=name, bytes=size, urls=list(urls), **facts)


TABLE = {
    file.file: file
    for file in [
        row("whole.tar", 5_000_000, urls=("https://a.b/whole.tar",)),
        row("train.tar"),
        row("test.tar"),
        row("w.pth", None, urls=("http://a.b/w.pth", "https://a.b/w.pth")),
        row("other.zip", 7),
    ]
}
SETS = {
    "d": Dataset.model_construct(files=[["whole.tar"], ["train.tar", "test.tar"]]),
    "d_test": Dataset.model_construct(files=[["whole.tar"], ["test.tar"]]),
    "embedded": Dataset.model_construct(files=[]),
}
BENCHMARK = SimpleNamespace(id="d", ood=["embedded", "d_test"], weights=SimpleNamespace(file="w.pth"))
BENCHMARKS = {"b": BENCHMARK}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for module in (inventory, catalogue):
        monkeypatch.setattr(module, "files", lambda: TABLE)
    monkeypatch.setattr(inventory, "datasets", lambda: SETS)
    ARCHIVES.mkdir(parents=True)
    Path("m").mkdir()


@pytest.mark.parametrize(
    ("there", "size", "mirror", "expected"),
    [
        ([ARCHIVES / "f", ARCHIVES / "f.record.json"], 3, "", "fetched"),
        ([ARCHIVES / "f"], 3, "m", "missing"),
        (["m/f"], 3, "m", "in mirror"),
        (["m/f"], None, "m", "in mirror"),
        (["m/f"], 4, "m", "wrong size"),
        (["m/f"], 3, "", "missing"),
        (["mirror/f"], 3, "https://a.b/m", "missing"),
    ],
)
def test_states(there, size, mirror, expected):
    Path("mirror").mkdir()
    for path in there:
        Path(path).write_text("abc")
    assert inventory.state(row("f", size), mirror) == expected


@pytest.mark.parametrize(
    ("present", "needed", "spare"),
    [
        (set(), ["whole.tar", "w.pth"], ["train.tar", "test.tar"]),
        ({"test.tar"}, ["whole.tar", "test.tar", "w.pth"], ["train.tar"]),
        ({"train.tar", "test.tar"}, ["train.tar", "test.tar", "w.pth"], ["whole.tar"]),
    ],
)
def test_of_alternatives_the_present_one_is_needed(present, needed, spare):
    assert [list(found) for found in inventory.uses(BENCHMARKS, present)] == [needed, spare]


def test_the_list():
    Path("m/test.tar").write_text("abc")
    Path("m/train.tar").write_text("too long")
    assert list(inventory.report(BENCHMARKS, "m")) == [
        "Needed by config.yaml; of alternatives, one is enough. Mirror: m",
        f"wrong size    3 bytes  {'train.tar':<62}  no published digest",
        "    D, 1; needed by benchmarks.b.id: d; alternatives: whole.tar",
        "    m/train.tar has 8 bytes instead of 3",
        "    put by hand at m/train.tar",
        f"in mirror     3 bytes  {'test.tar':<62}  no published digest",
        "    D, 1; needed by benchmarks.b.id: d; benchmarks.b.ood: d_test; alternatives: whole.tar",
        f"missing             ?  {'w.pth':<62}  no published digest",
        "    D, 1; needed by benchmarks.b.weights.file: w.pth",
        "    from http://a.b/w.pth or from https://a.b/w.pth or put by hand at m/w.pth",
        "\nNot needed",
        f"missing        5.0 MB  {'whole.tar':<62}  no published digest",
        "    D, 1; would do for benchmarks.b.id: d; benchmarks.b.ood: d_test; "
        "alternatives: train.tar + test.tar or test.tar",
        "    from https://a.b/whole.tar or put by hand at m/whole.tar",
        f"missing       7 bytes  {'other.zip':<62}  no published digest",
        "    D, 1; not used",
        "    put by hand at m/other.zip",
        "\nTo be downloaded: 1 file, 0 bytes and 1 of unknown size. To be put there by hand: 1 file, 3 bytes.",
    ]


def test_of_an_edition_only_what_its_benchmarks_use_is_listed():
    first, *lines = inventory.report(BENCHMARKS, "m", ["e"])
    assert first == "Needed by the edition e; of alternatives, one is enough. Mirror: m"
    entries = [line[23:].split()[0] for line in lines if line.startswith("missing")]
    assert entries == ["whole.tar", "w.pth", "train.tar", "test.tar"]


def test_a_mirror_that_is_a_url_has_everything():
    *_, last = inventory.report(BENCHMARKS, "https://m.n/")
    assert last == (
        "\nTo be downloaded: 2 files, 5.0 MB and 1 of unknown size. To be put there by hand: 0 files, 0 bytes."
    )


def command(*editions: str, mirror: str = "") -> subprocess.CompletedProcess:
    """``make data``, in the project."""
    environment = {**os.environ, "PYTHONPATH": "workflow", "OOD_MIRROR": mirror}
    asked = [sys.executable, "-m", "ood.jobs.inventory", *editions]
    return subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True)


def listed(result: subprocess.CompletedProcess) -> list[str]:
    assert result.returncode == 0, result.stderr
    return [line[23:].split()[0] for line in result.stdout.splitlines() if line.startswith(("missing", "fetched"))]


def test_the_command_lists_every_file_of_the_table_once():
    result = command()
    assert sorted(listed(result)) == sorted(files())
    assert max(map(len, result.stdout.splitlines())) <= 160


def test_the_command_lists_the_files_of_an_edition():
    assert listed(command("demo")) == []
    parts = ["svhn/test_first1952.webp.tar", "svhn/meta.npz", "svhn/train_first4434.webp.tar"]
    assert set(parts) < set(listed(command("playground"))) < set(listed(command("playground", "checkpoints")))
    assert "weights/resnet20-12fca82f.th" not in listed(command("playground"))
    wrong = command("dmeo")
    assert wrong.returncode == 1 and wrong.stderr.startswith("unknown edition 'dmeo'. Did you mean 'demo'?")


def test_a_mirror_that_is_not_there_is_no_list_of_missing_files(tmp_path):
    wrong = command(mirror=str(tmp_path / "mirorr"))
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith(f"OOD_MIRROR: '{tmp_path}/mirorr' is neither a folder nor a URL")
