"""ImageNet's three official files: the right label for every image, a seeded choice, and every gap named."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from pictures import CLASSES, KIT, SYNSETS, TRUTH, encoded, imagenet, tar, write
from torchvision.datasets import imagenet as theirs

from ood.data.archives import members
from ood.datasets import imagenet as source
from ood.errors import Problem

VAL, TRAIN, DEVKIT = imagenet()


def read(folder, archives, seed: int = 0, per_class: int = 4) -> list:
    return list(source.encoded(write(folder, archives), 0, np.random.default_rng(seed), per_class))


def test_labels_are_places_among_the_sorted_ids(tmp_path):
    archives = imagenet()
    found = read(tmp_path, archives)
    wnids = {number: wnid for wnid, number in SYNSETS.items()}
    tests = {image.member: image for image in found if image.split == "test"}
    assert list(tests) == list(archives[VAL])
    assert [image.label for image in tests.values()] == [CLASSES.index(wnids[number]) for number in TRUTH]
    assert {name: image.packed for name, image in tests.items()} == archives[VAL]
    train = [image for image in found if image.split == "train"]
    assert Counter(image.label for image in train) == {0: 4, 1: 4, 2: 4}
    for image in train:
        wnid, name = image.member.split("/")
        assert CLASSES[image.label] == wnid and image.source == f"{TRAIN}[{image.member}]"
        path = tmp_path / "class.tar"
        path.write_bytes(archives[TRAIN][f"{wnid}.tar"])
        assert image.packed == members(path, ["."])[name]


def test_classes_are_numbered_as_in_torchvision(tmp_path, monkeypatch):
    found = read(tmp_path, imagenet())
    digest = hashlib.md5((tmp_path / DEVKIT).read_bytes()).hexdigest()
    monkeypatch.setitem(theirs.ARCHIVE_META, "devkit", (DEVKIT, digest))
    theirs.parse_devkit_archive(tmp_path)
    names, validation = theirs.load_meta_file(tmp_path)
    assert [image.label for image in found if image.split == "test"] == [sorted(names).index(id) for id in validation]


def test_the_choice_depends_on_the_seed_and_not_on_the_archives_order(tmp_path):
    archives = imagenet()
    turned = {name: dict(reversed(content.items())) for name, content in archives.items()}
    chosen = [sorted(read(tmp_path, files, seed)) for files, seed in ((archives, 0), (turned, 0), (archives, 1))]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len({image.member for image in chosen[0]}) == len(chosen[0]) == len(TRUTH) + 4 * len(CLASSES)


GAPS = {
    "no classes": (DEVKIT, {f"{KIT}meta.mat": None}, "devkit_t12.tar.gz has no ILSVRC2012_devkit_t12/data/meta.mat"),
    "no labels": (DEVKIT, {f"{KIT}{source.TRUTH}": None}, f"has no ILSVRC2012_devkit_t12/data/{source.TRUTH}"),
    "a broken table": (DEVKIT, {f"{KIT}meta.mat": b"<html>"}, "do not go together or are damaged"),
    "a label of no class": (DEVKIT, {f"{KIT}{source.TRUTH}": b"1\n4\n"}, "do not go together or are damaged"),
    "an image too few": (VAL, {"ILSVRC2012_val_00000003.JPEG": None}, "img_val.tar holds 6 images .* says 7"),
    "another image": (VAL, {"cat.JPEG": b""}, "img_val.tar: 'cat.JPEG' is none of the 7 validation images"),
    "a class too few": (TRAIN, {"n01443537.tar": None}, "img_train.tar has no n01443537.tar, 1 classes are missing"),
    "another class": (TRAIN, {"n00001740.tar": tar({})}, "img_train.tar: 'n00001740.tar' is no class"),
    "a small class": (TRAIN, {"n01443537.tar": tar({"a.JPEG": encoded(0)})}, "n01443537.tar holds 1 images, fewer"),
    "a broken class": (TRAIN, {"n01443537.tar": b"<html>"}, "img_train.tar/n01443537.tar is damaged or no archive"),
}


@pytest.mark.parametrize("archive, change, message", GAPS.values(), ids=GAPS)
def test_what_is_missing_or_wrong_is_named(tmp_path, archive, change, message):
    archives = imagenet()
    changed = {name: data for name, data in (archives[archive] | change).items() if data is not None}
    with pytest.raises(Problem, match=message):
        read(tmp_path, archives | {archive: changed})
