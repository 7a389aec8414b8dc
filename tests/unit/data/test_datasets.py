"""Every row of resources/datasets.csv gives the images that it promises; other images are refused."""

import hashlib
import json
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skimage.data
import yaml
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image

from ood.data import catalogue
from ood.data.disjoint import disjoint
from ood.data.pixels import SHEET, contact_sheet, moments
from ood.data.prepare import prepare
from ood.errors import Problem

TABLE = catalogue.datasets()
EMBEDDED = [name for name, row in TABLE.items() if not row.files]
digits = cache(load_digits)
CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
BENCHMARKS = {name: CONFIG["benchmarks"][name] for name in CONFIG["editions"]["demo"]}
every_dataset = pytest.mark.parametrize("name", EMBEDDED)
OUTPUTS = ("images.npy", "index.parquet", "card.json", "sheet.png")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A function from a dataset's name to its images, index and card; each is made once."""
    made = {}

    def make(name: str) -> tuple[np.ndarray, pd.DataFrame, dict]:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            files = [folder / file for file in OUTPUTS]
            prepare([], *files, TABLE[name].model_dump())
            made[name] = np.load(files[0]), pd.read_parquet(files[1]), json.loads(files[2].read_text())
        return made[name]

    return make


@every_dataset
def test_the_digest_is_the_tables(prepared, name):
    images, index, card = prepared(name)
    row = TABLE[name]
    assert images.dtype == np.uint8 and images.shape == (row.count, row.size, row.size, 1)
    digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
    assert index["sha256"].tolist() == digests
    assert hashlib.sha256("".join(digests).encode()).hexdigest() == card["sha256"] == row.sha256
    assert index["image"].tolist() == list(range(row.count))
    assert card["duplicates"] == len(digests) - len(set(digests)) == 0


@every_dataset
def test_splits_are_stratified_and_share_no_image(prepared, name):
    images, index, card = prepared(name)
    shares = TABLE[name].splits
    assert card["splits"] == dict(Counter(index["split"])) and set(card["splits"]) == set(shares)
    for _, members in index.groupby("label"):
        for split, share in shares.items():
            expected = share / sum(shares.values()) * len(members)
            assert abs((members["split"] == split).sum() - expected) <= 1, (name, split)
    parts = {split: {images[row].tobytes() for row in rows} for split, rows in index.groupby("split").groups.items()}
    assert sum(map(len, parts.values())) == len(set().union(*parts.values()))
    if TABLE[name].kind == "in-distribution":
        assert sorted(set(index["label"])) == list(range(card["classes"]))
        for _, members in index.groupby("label"):  # shuffled within the class, not cut
            assert (members["split"] != members["split"].shift()).sum() > len(members) / 4


@cache
def picture(source: str) -> np.ndarray:
    """A source picture by the name in the index, grey as PIL makes it."""
    name, _, place = source.rstrip("]").partition("[")
    if name == "sklearn.digits":
        return np.round(digits().images[int(place)] * 255 / 16).astype(np.uint8)
    if name == "lfw_subset":
        return np.round(skimage.data.lfw_subset()[int(place)] * 255).astype(np.uint8)
    colour = load_sample_image(f"{name}.jpg") if name in ("china", "flower") else getattr(skimage.data, name)()
    return np.asarray(Image.fromarray(colour).convert("L"))


@pytest.mark.parametrize("name", [name for name in EMBEDDED if TABLE[name].source != "letters"])
def test_every_box_cuts_its_image_out_of_its_source(prepared, name):
    images, index, _ = prepared(name)
    for image, source, (left, top, width, height) in zip(images, index["source"], index["box"], strict=True):
        grey = picture(source)
        assert 0 <= left < left + width <= grey.shape[1] and 0 <= top < top + height <= grey.shape[0], source
        crop = Image.fromarray(grey).crop((left, top, left + width, top + height))
        assert np.array_equal(image[..., 0], crop.resize(image.shape[:2], Image.Resampling.BOX)), source


def test_letters_are_different_glyphs_that_look_like_no_digit(prepared):
    images, index, _ = prepared("letters")
    fonts, letters = zip(*(source.split(":") for source in index["source"]), strict=True)
    assert set(map(tuple, index["box"])) == {(0, 0, 32, 32)} and index["source"].is_unique
    assert set(fonts) == set(TABLE["letters"].options["fonts"]) and "".join(letters).isalpha()
    assert not set(letters) & set("OoIlZzSsbBgq")
    assert images[:, 1:-1, 1:-1].max(axis=(1, 2, 3)).min() > 100  # white ink, on every image


def test_the_two_halves_of_the_digits_are_the_digits(prepared):
    whole, kept, heldout = (
        {image.tobytes() for image in prepared(name)[0]} for name in ("digits", "digits_kept", "digits_heldout")
    )
    assert kept | heldout == whole and not kept & heldout
    index = prepared("digits_kept")[1]
    places = [int(source.removeprefix("sklearn.digits[").rstrip("]")) for source in index["source"]]
    assert [[0, 1, 2, 4, 5, 7, 8][label] for label in index["label"]] == digits().target[places].tolist()


@pytest.mark.parametrize("wrong", [{"sha256": 64 * "0"}, {"seed": 8}, {"count": 101}])
def test_other_images_than_the_tables_are_refused(tmp_path, wrong):
    name = "textures" if "seed" in wrong else "faces"
    with pytest.raises(Problem, match=rf"{name}.*resources/datasets\.csv") as problem:
        prepare([], *(tmp_path / file for file in OUTPUTS), TABLE[name].model_dump() | wrong)
    assert "101" in str(problem.value) if "count" in wrong else TABLE[name].sha256 in str(problem.value)
    assert not list(tmp_path.iterdir())


def test_a_set_without_a_test_image_is_refused(tmp_path):
    with pytest.raises(Problem, match=r"dataset faces: none of its images is of the split 'test'.*column 'splits'"):
        prepare([], *(tmp_path / file for file in OUTPUTS), TABLE["faces"].model_dump() | {"splits": {}})
    assert not list(tmp_path.iterdir())


def test_moments_are_those_of_the_values():
    images = np.random.default_rng(0).integers(0, 256, (50, 7, 5, 3), dtype=np.uint8)
    mean, std = moments(images)
    assert mean == pytest.approx((images / 255).mean((0, 1, 2))) and std == pytest.approx((images / 255).std((0, 1, 2)))


def test_each_row_of_a_contact_sheet_runs_through_the_set():
    images = np.repeat(np.arange(192, dtype=np.uint8), 4).reshape(192, 2, 2, 1)  # image n is a square of grey n
    rows, columns = SHEET
    sheet = np.asarray(contact_sheet(images))
    assert sheet.shape == (2 * rows, 2 * columns) and len(set(sheet.ravel().tolist())) == rows * columns
    for row in sheet[::2, ::2].astype(int):
        assert (np.diff(row) > 0).all() and row[0] < 8 and row[-1] > 184


@pytest.mark.parametrize(
    ("benchmark", "ood"), [(key, name) for key, entry in BENCHMARKS.items() for name in entry["ood"]]
)
def test_no_ood_image_is_an_in_distribution_one(prepared, benchmark, ood):
    identity, _, _ = prepared(BENCHMARKS[benchmark]["id"])
    images, index, _ = prepared(ood)
    assert not {image.tobytes() for image in images} & {image.tobytes() for image in identity}
    assert set(index["split"]) == {"test"} and TABLE[ood].kind != "in-distribution"


def test_an_image_on_both_sides_is_named(tmp_path):
    rows = {"id": ["a", "b", "c"], "far": ["d", "d", "e"], "near": ["f", "b", "a"]}
    paths = []
    for name, digests in rows.items():
        paths.append(tmp_path / f"{name}.parquet")
        sources = [f"{name}[{place}]" for place in range(3)]
        pd.DataFrame({"sha256": digests, "source": sources}).to_parquet(paths[-1], index=False)
    counts, spec = tmp_path / "counts.json", {"benchmark": "digits", "datasets": list(rows)}
    disjoint(paths[:2], counts, spec | {"datasets": ["id", "far"]})
    assert json.loads(counts.read_text())["ood"] == {"far": {"images": 3, "repeated": 1, "in_distribution": 0}}
    with pytest.raises(Problem, match=r"2 images of near are images of id too.*near\[1\], which is id\[1\]"):
        disjoint(paths, counts, spec)
