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

from ood import catalogue
from ood.errors import Problem
from ood.prepare import prepare

TABLE = catalogue.datasets()
digits = cache(load_digits)
BENCHMARKS = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())["benchmarks"]
every_dataset = pytest.mark.parametrize("name", list(TABLE))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A function from a dataset's name to its images, index and card; each is made once."""
    made = {}

    def make(name: str) -> tuple[np.ndarray, pd.DataFrame, dict]:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            files = [folder / file for file in ("images.npy", "index.parquet", "card.json")]
            prepare(*files, TABLE[name].model_dump())
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
    assert card["mean"] == pytest.approx(images.mean() / 255) and card["std"] == pytest.approx(images.std() / 255)


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


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.source != "letters"])
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


@pytest.mark.parametrize(
    ("benchmark", "ood"), [(key, name) for key, entry in BENCHMARKS.items() for name in entry["ood"]]
)
def test_no_ood_image_is_an_in_distribution_one(prepared, benchmark, ood):
    identity, _, _ = prepared(BENCHMARKS[benchmark]["id"])
    images, index, _ = prepared(ood)
    assert not {image.tobytes() for image in images} & {image.tobytes() for image in identity}
    assert set(index["split"]) == {"test"} and TABLE[ood].kind != "in-distribution"


def test_the_two_halves_of_the_digits_are_the_digits(prepared):
    whole, kept, heldout = ({image.tobytes() for image in prepared(name)[0]} for name in TABLE if "digits" in name)
    assert kept | heldout == whole and not kept & heldout
    index = prepared("digits_kept")[1]
    places = [int(source.removeprefix("sklearn.digits[").rstrip("]")) for source in index["source"]]
    assert [[0, 1, 2, 4, 5, 7, 8][label] for label in index["label"]] == digits().target[places].tolist()


@pytest.mark.parametrize("wrong", [{"sha256": 64 * "0"}, {"seed": 8}, {"count": 101}])
def test_other_images_than_the_tables_are_refused(tmp_path, wrong):
    name = "textures" if "seed" in wrong else "faces"
    with pytest.raises(Problem, match=rf"{name}.*resources/datasets\.csv") as problem:
        prepare(*(tmp_path / file for file in "abc"), TABLE[name].model_dump() | wrong)
    assert "101" in str(problem.value) if "count" in wrong else TABLE[name].sha256 in str(problem.value)
    assert not list(tmp_path.iterdir())
