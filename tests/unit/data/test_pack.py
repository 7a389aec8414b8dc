"""A packed set holds the pictures as they were, at the bytes that its index says."""

import hashlib
import json
import tarfile

import numpy as np
import pandas as pd
import pytest
from pictures import encoded, imagenet, write
from PIL import Image

from ood.data import catalogue
from ood.data.pack import SHOWN, pack
from ood.data.pixels import SHEET
from ood.datasets import archive, reader
from ood.errors import Problem

TABLE = catalogue.datasets()
OUTPUTS = ("images.tar", "index.parquet", "card.json", "sheet.png")
SMALL = TABLE["imagenet"].model_dump() | {"options": {"per_class": 4}, "count": 19}
PICTURES = {f"set/{'ab'[place % 2]}/{place:02d}.jpg": encoded(place) for place in range(12)}
FOLDER = TABLE["sun"].model_dump() | {"dataset": "set", "options": {"folders": ["set"], "of": 12}, "count": 12}


def packed(folder, files, row) -> tuple[pd.DataFrame, dict]:
    pack(files, *(folder / name for name in OUTPUTS), row)
    return pd.read_parquet(folder / "index.parquet"), json.loads((folder / "card.json").read_text())


def test_pictures_are_copied_byte_for_byte(tmp_path):
    files = write(tmp_path, imagenet())
    index, card = packed(tmp_path, files, SMALL)
    content = (tmp_path / "images.tar").read_bytes()
    with tarfile.open(tmp_path / "images.tar") as tar:
        found = {member.name: tar.extractfile(member).read() for member in tar}
    source = {image.source: image for image in reader("imagenet", "encoded")(files, 19, np.random.default_rng(15), 4)}
    assert index["source"].tolist() == sorted(source) and index["image"].tolist() == list(range(19))
    for row in index.itertuples():
        image = source[row.source]
        assert content[row.offset : row.offset + row.length] == found[image.member] == image.packed
        assert (row.label, row.split) == (image.label, image.split)
        assert row.sha256 == hashlib.sha256(image.packed).hexdigest()
    assert card["sha256"] == hashlib.sha256("".join(index["sha256"]).encode()).hexdigest()
    assert (card["classes"], card["splits"], card["duplicates"]) == (3, {"test": 7, "train": 12}, 0)
    assert card["sources"] == {"ILSVRC2012_img_train.tar": 12, "ILSVRC2012_img_val.tar": 7}
    assert card["bytes"] == sum(map(len, found.values())) and len(found) == 19
    assert Image.open(tmp_path / "sheet.png").size == (SHEET[1] * SHOWN, SHEET[0] * SHOWN)


@pytest.mark.parametrize("count", [12, 5])
def test_the_set_does_not_depend_on_the_archives_order(tmp_path, count):
    row, made = FOLDER | {"count": count}, []
    for members in (PICTURES, dict(reversed(PICTURES.items()))):
        files = write(tmp_path, {"set.tar.gz": members})
        index, card = packed(tmp_path, files, row)
        made.append((index.drop(columns="offset").to_dict(), card))
        same = archive.pictures(files, count, np.random.default_rng(0), **row["options"])
        assert index["source"].tolist() == [picture.source for picture in same]
        assert set(index["split"]) == {"test"} and set(index["label"]) == {-1}
    assert made[0] == made[1]


WRONG = {
    "too few": ({"count": 13, "options": {"folders": ["set"], "of": 12}}, {}, "dataset set holds 12 images .* says 13"),
    "another number": ({"options": {"folders": ["set"], "of": 13}}, {}, "set.tar.gz holds 12 images .* says 13"),
    "other pictures": ({"sha256": 64 * "0"}, {}, "dataset set: the images have digest"),
    "no picture": ({}, {"set/a/02.jpg": b"<html>"}, r"set\.tar\.gz\[a/02\.jpg\] is no picture"),
    "no pictures": ({"source": "digits", "options": {}}, {}, "the source 'digits' has no function 'encoded'"),
}


@pytest.mark.parametrize("row, members, message", WRONG.values(), ids=WRONG)
def test_another_set_than_the_tables_is_refused(tmp_path, row, members, message):
    with pytest.raises(Problem, match=message):
        packed(tmp_path, write(tmp_path, {"set.tar.gz": PICTURES | members}), FOLDER | row)


def test_one_picture_too_many_is_refused(tmp_path):
    row = SMALL | {"count": 18}
    with pytest.raises(
        Problem, match=r"dataset imagenet: more images than workflow/resources/datasets\.csv says \(18\)"
    ):
        packed(tmp_path, write(tmp_path, imagenet()), row)
