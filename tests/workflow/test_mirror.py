"""A set of pictures from a mirror on the web, through the workflow: made once, or refused and nothing left behind."""

import csv
import functools
import io
import json
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

COUNT = 12
ARCHIVE = "results/archives/toy.tar.gz"
MADE = [f"results/data/toy/{name}" for name in ("images.npy", "index.parquet", "card.json", "sheet.png")]
FILE = {"file": "toy.tar.gz", "dataset": "Toy", "version": "1", "licence": "none"}
SET = {
    "dataset": "toy",
    "title": "Toy",
    "kind": "far",
    "source": "archive",
    "options": json.dumps({"folders": ["toy"], "of": COUNT}),
    "files": "toy.tar.gz",
    "rule": "box",
    "size": 8,
    "channels": 1,
    "count": COUNT,
    "splits": '{"test": 1}',
    "seed": 0,
    "licence": "none",
    "description": "Noise",
}


def picture(place: int) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(place).integers(0, 256, (16, 16), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "png")
    return buffer.getvalue()


def entry(name: str, data: bytes = b"", **fields) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.size = len(data)
    for key, value in fields.items():
        setattr(made, key, value)
    return made, data


GOOD = [entry(f"toy/{place:02d}.png", picture(place)) for place in range(COUNT)]
WRONG = {
    "a path outside": ([*GOOD, entry("toy/../../out.png", b"x")], "'toy/../../out.png' points outside of the archive"),
    "a link": (
        [*GOOD, entry("toy/link.png", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
        "'toy/link.png' is a link",
    ),
    "a bomb": ([*GOOD, *(entry(f"toy/{n}.png", bytes(1 << 24)) for n in range(6))], "unpacks to more than 100 times"),
    "a corrupt picture": (
        [*GOOD[:6], entry("toy/06.png", picture(6)[:150]), *GOOD[7:]],
        "toy.tar.gz[06.png] is no picture",
    ),
    "a picture too few": (GOOD[:-1], "toy.tar.gz holds 11 images where workflow/resources/datasets.csv says 12"),
    "a picture too many": ([*GOOD, entry("toy/x.png", picture(99))], "holds 13 images where"),
}


def add_row(path, row: dict) -> None:
    with path.open(newline="") as file:
        columns = csv.DictReader(file).fieldnames
    with path.open("a", newline="") as file:
        csv.DictWriter(file, columns, lineterminator="\n").writerow(row)


@pytest.fixture
def toy(fresh, tmp_path, monkeypatch):
    """A project with one more dataset, and a function that puts its archive on the mirror that it uses."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    add_row(fresh.folder / "workflow/resources/files.csv", FILE)
    add_row(fresh.folder / "workflow/resources/datasets.csv", SET)
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(SimpleHTTPRequestHandler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OOD_MIRROR", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")

        def put(entries) -> None:
            with tarfile.open(folder / "toy.tar.gz", "w:gz") as tar:
                for member, data in entries:
                    tar.addfile(member, io.BytesIO(data))

        yield fresh, put
        server.shutdown()


def test_a_set_comes_from_a_mirror_on_the_web(toy, monkeypatch):
    project, put = toy
    put(GOOD)
    result = project.snakemake("--", MADE[0])
    assert result.returncode == 0, result.stderr
    images = np.load(project.folder / MADE[0])
    expected = [np.asarray(Image.open(io.BytesIO(data)).resize((8, 8), Image.Resampling.BOX)) for _, data in GOOD]
    assert np.array_equal(images[..., 0], expected)
    card = json.loads((project.folder / MADE[2]).read_text())
    assert card["sources"] == {"toy.tar.gz": COUNT} and card["duplicates"] == 0
    monkeypatch.setenv("OOD_MIRROR", "http://127.0.0.1:9/gone")  # it is not there: nothing is fetched again
    assert project.planned(MADE[0]) == {}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_archive_is_named_and_leaves_nothing(toy, fault):
    project, put = toy
    entries, message = WRONG[fault]
    put(entries)
    result = project.snakemake("--", MADE[0])
    assert result.returncode != 0
    assert message in result.stderr and "results/logs/data/toy.log" in result.stderr, result.stderr
    assert not [name for name in MADE if (project.folder / name).exists()]
    outside = [path for path in project.folder.parent.rglob("*") if path.name in ("out.png", "link.png")]
    assert not outside and (project.folder / ARCHIVE).is_file()


def test_after_a_wrong_archive_the_right_one_is_fetched(toy):
    project, put = toy
    put(GOOD[:-1])
    assert project.snakemake("--", MADE[0]).returncode != 0
    put(GOOD)
    (project.folder / ARCHIVE).unlink()  # as the message says
    result = project.snakemake("--", MADE[0])
    assert result.returncode == 0, result.stderr
