"""Source formats: what is in the authors' files is what comes out, in order, whichever form it is read from."""

import gzip
import io
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import lmdb
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from ood.data import archives, catalogue
from ood.data.archives import strips
from ood.data.prepare import prepare
from ood.datasets import archive, cifar, lsun, mnist, svhn
from ood.errors import Problem

RNG = np.random.default_rng
TABLE = catalogue.datasets()


def write(path: Path, members: dict[str, bytes]) -> Path:
    """A tar, or a zip by its name."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as packed:
            for name, data in members.items():
                packed.writestr(name, data)
        return path
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def encoded(pixels: np.ndarray, form: str = "png", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def prepared(folder: Path, files: list[Path], row: dict) -> np.ndarray:
    """The images that ood.data.prepare makes; it checks their digest."""
    folder.mkdir()
    prepare(files, *(folder / name for name in ("images.npy", "index.parquet", "card.json", "sheet.png")), row)
    return np.load(folder / "images.npy")


def records(images: np.ndarray, *labels: np.ndarray) -> bytes:
    """CIFAR's binary format: label bytes, then the red, green and blue planes of each image."""
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return np.concatenate([*(column[:, None] for column in labels), planes], axis=1).astype(np.uint8).tobytes()


@pytest.mark.parametrize("classes", [10, 100])
def test_cifars_binary_records(tmp_path, classes):
    rng = RNG(classes)
    images = rng.integers(0, 256, (60, 32, 32, 3), dtype=np.uint8)
    fine, coarse = rng.integers(0, classes, 60), rng.integers(0, 20, 60)
    columns = (fine,) if classes == 10 else (coarse, fine)
    folder, _, names = cifar.BINARY[classes]
    files = [*names["train"], *names["test"]]
    parts = np.array_split(np.arange(60), len(files))
    contents = {
        f"{folder}/{name}": records(images[part], *(column[part] for column in columns))
        for name, part in zip(files, parts, strict=True)
    }
    path = write(tmp_path / "cifar.tar.gz", contents | {f"{folder}/batches.meta.txt": b"names"})
    found = list(cifar.pictures([path], 0, RNG(0), classes, ["train", "test"]))
    assert [picture.label for picture in found] == fine.tolist()
    assert np.array_equal([picture.pixels for picture in found], images)
    trained = len(np.concatenate(parts[: len(names["train"])]))
    assert [picture.split for picture in found] == ["train"] * trained + ["test"] * (60 - trained)
    assert [picture.source for picture in found][trained] == f"cifar{classes}.test[0]"
    chosen = list(cifar.pictures([path], 0, RNG(0), classes, ["train"], {"train": 1}))
    first = sorted(np.unique(fine[:trained], return_index=True)[1])
    assert [picture.label for picture in chosen] == fine[first].tolist()
    fewer = list(cifar.pictures([path], 0, RNG(0), classes, ["train", "test"], without={"test": [0, 2]}))
    assert [picture.source for picture in found if picture.source not in {kept.source for kept in fewer}] == [
        f"cifar{classes}.test[0]",
        f"cifar{classes}.test[2]",
    ]
    contents.popitem()
    with pytest.raises(Problem, match=rf"cifar\.tar\.gz has no {folder}/test"):
        list(cifar.pictures([write(path, contents)], 0, RNG(0), classes, ["test"]))


def test_cifar10_is_the_same_from_both_of_its_forms(tmp_path, mirror):
    """The official archive's layout, filled from the lossless columns, gives the table's digest as well."""
    folder, _, names = cifar.BINARY[10]
    meta = np.load(mirror / "cifar10/meta.npz", allow_pickle=False)
    images = strips(mirror / "cifar10/test.webp.tar")
    path = write(tmp_path / "binary.tar.gz", {f"{folder}/{names['test'][0]}": records(images, meta["test_labels"])})
    row = TABLE["cifar10_test"]
    assert row.sha256
    forms = {"binary": [path], "columns": [mirror / name for name in row.files[1]]}
    made = [prepared(tmp_path / form, files, row.model_dump()) for form, files in forms.items()]
    assert np.array_equal(*made)


@pytest.mark.parametrize(
    "name", ["mnist_rgb_corner", "svhn_first", "svhn_first_id", "places2_crop", "textures_dtd10_resize"]
)
def test_real_images_have_the_tables_digest(tmp_path, mirror, name):
    row = TABLE[name]
    assert row.sha256
    assert len(prepared(tmp_path / name, [mirror / file for file in row.files[0]], row.model_dump())) == row.count


def idx(values: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + b"".join(length.to_bytes(4) for length in values.shape)
    return gzip.compress(header + values.astype(np.uint8).tobytes())


def test_mnists_four_files(tmp_path):
    rng = RNG(0)
    sets = {"train": rng.integers(0, 256, (20, 28, 28)), "t10k": rng.integers(0, 256, (8, 28, 28))}
    labels = {name: rng.integers(0, 10, len(images)) for name, images in sets.items()}
    files = []
    for name, images in sets.items():
        for what, values in (("images-idx3", images), ("labels-idx1", labels[name])):
            files.append(tmp_path / f"{name}-{what}-ubyte.gz")
            files[-1].write_bytes(idx(values))
    found = list(mnist.pictures(files, 28, RNG(0), ["train", "test"]))
    assert np.array_equal([picture.pixels for picture in found], np.concatenate(list(sets.values())))
    assert [picture.label for picture in found] == np.concatenate(list(labels.values())).tolist()
    assert [picture.split for picture in found] == ["train"] * 20 + ["test"] * 8
    first = list(mnist.pictures(files, 5, RNG(0), ["test"]))
    assert np.array_equal([picture.pixels for picture in first], sets["t10k"][:5])
    for damaged in (files[0].read_bytes()[:-20], idx(sets["train"])[:100], gzip.compress(b"<html>")):
        files[0].write_bytes(damaged)
        with pytest.raises(Problem, match=files[0].name):
            list(mnist.pictures(files, 28, RNG(0), ["train"]))


def test_svhns_matlab_files(tmp_path):
    images = RNG(0).integers(0, 256, (25, 32, 32, 3), dtype=np.uint8)
    labels = RNG(1).integers(1, 11, (25, 1))
    path = tmp_path / "test_32x32.mat"
    savemat(path, {"X": images.transpose(1, 2, 3, 0), "y": labels})
    found = list(svhn.pictures([path], 20, RNG(0), ["test"]))
    assert np.array_equal([picture.pixels for picture in found], images[:20])
    assert [picture.label for picture in found] == [label % 10 for label in labels[:20, 0].tolist()]
    train = tmp_path / "train_32x32.mat"
    savemat(train, {"X": images[:8].transpose(1, 2, 3, 0), "y": labels[:8]})
    both = list(svhn.pictures([train, path], 18, RNG(0), ["train", "test"]))  # all of train, the first ten of test
    assert np.array_equal([picture.pixels for picture in both], [*images[:8], *images[:10]])
    assert [picture.split for picture in both] == ["train"] * 8 + ["test"] * 10
    for damaged in (path.read_bytes()[:2000], b"<html>", b""):
        path.write_bytes(damaged)
        with pytest.raises(Problem, match=r"test_32x32\.mat"):
            list(svhn.pictures([path], 20, RNG(0), ["test"]))


def test_lsuns_database(tmp_path):
    images = {f"{place:040x}".encode(): RNG(place).integers(0, 256, (40, 50, 3), dtype=np.uint8) for place in range(6)}
    with lmdb.open(str(tmp_path / "base"), map_size=1 << 24) as base, base.begin(write=True) as transaction:
        for key in reversed(images):
            transaction.put(key, encoded(images[key], "webp", lossless=True))
    data = (tmp_path / "base/data.mdb").read_bytes()
    path = write(tmp_path / "test_lmdb.zip", {"test_lmdb/data.mdb": data})
    found = list(lsun.pictures([path], 6, RNG(0), "test_lmdb"))
    assert np.array_equal([picture.pixels for picture in found], list(images.values()))
    with pytest.raises(Problem, match="holds 6 images where .* says 7"):
        list(lsun.pictures([path], 7, RNG(0), "test_lmdb"))
    for damaged in ({"test_lmdb/data.mdb": b"no database" * 1000}, {"other/data.mdb": data}):
        with pytest.raises(Problem, match=r"test_lmdb\.zip.*data\.mdb"):
            list(lsun.pictures([write(path, damaged)], 6, RNG(0), "test_lmdb"))


PICTURES = {
    f"set/{'ab'[place % 2]}/{place:02d}.png": RNG(place).integers(0, 256, (40, 36, 3), dtype=np.uint8)
    for place in range(12)
}


@pytest.mark.parametrize("form", ["set.tar.gz", "set.zip"])
def test_pictures_come_in_the_order_of_their_names(tmp_path, form):
    path = write(tmp_path / form, {name: encoded(pixels) for name, pixels in reversed(PICTURES.items())})
    found = list(archive.pictures([path], 12, RNG(0), ["set"], of=12))
    assert [picture.source for picture in found] == [f"{form}[{name[4:]}]" for name in sorted(PICTURES)]
    assert np.array_equal([picture.pixels for picture in found], [PICTURES[name] for name in sorted(PICTURES)])
    some = [picture.source for picture in archive.pictures([path], 5, RNG(0), ["set"], of=12)]
    assert len(set(some)) == 5 and some == sorted(some) and set(some) < {picture.source for picture in found}
    assert some != [picture.source for picture in archive.pictures([path], 5, RNG(1), ["set"], of=12)]


def test_pictures_that_are_not_chosen_are_not_kept(tmp_path, monkeypatch):
    """Places365 has 328,500, of which 10,000 are."""
    monkeypatch.setattr(archives, "LARGEST_MEMBER", 1 << 20)  # so much is set aside to read any
    pixels = RNG(0).integers(0, 256, (40, 200, 200, 3), np.uint8)
    noise = {f"set/{place:02d}.png": encoded(image) for place, image in enumerate(pixels)}
    path = write(tmp_path / "set.zip", noise)
    tracemalloc.start()
    try:
        found = list(archive.pictures([path], 3, RNG(0), ["set"], of=40))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) == 3 and peak < 20 * len(noise["set/00.png"])


@pytest.mark.parametrize("read", [archive.pictures, archive.encoded])
def test_folders_that_the_archive_does_not_have_are_named(tmp_path, read):
    path = write(tmp_path / "set.zip", {name: encoded(pixels) for name, pixels in PICTURES.items()})
    with pytest.raises(Problem, match=r"set\.zip holds nothing in a or set/c\. Give the folders of its pictures"):
        list(read([path], 12, RNG(0), ["a", "set/c"], of=12))


def test_one_picture_too_few_or_damaged_stops_it(tmp_path):
    members = {name: encoded(pixels) for name, pixels in PICTURES.items()}
    path = write(tmp_path / "set.tar.gz", members)
    with pytest.raises(Problem, match=r"set\.tar\.gz holds 12 images where workflow/resources/datasets\.csv says 13"):
        list(archive.pictures([path], 13, RNG(0), ["set"], of=13))
    members["set/b/05.png"] = members["set/b/05.png"][:200]
    with pytest.raises(Problem, match=r"set\.tar\.gz\[b/05\.png\] is no picture"):
        list(archive.pictures([write(path, members)], 12, RNG(0), ["set"], of=12))
