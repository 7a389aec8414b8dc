"""The loader gives what torchvision's transforms give, whatever the batch and the workers; an array gives the same."""

import io
import json

import numpy as np
import pandas as pd
import pytest
import torch
from inputs import to_input
from pictures import encoded, tar
from PIL import Image
from safetensors.numpy import load_file
from safetensors.torch import save_file
from torchvision import transforms

from ood import networks
from ood.data.loading import Form, batches, short_side, squash
from ood.errors import Problem
from ood.evaluation.score import read_attributions, read_features
from ood.networks import bit_r101x1
from ood.networks.resnet34 import Network
from ood.passes.extraction import extract
from ood.train.adoption import adopt

CPU = torch.device("cpu")
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]
# JPEGs of any size, then what else bears that name: grey, CMYK, PNG with a palette, PNG with transparency.
PICTURES = [encoded(seed) for seed in range(9)]
PICTURES += [encoded(9, mode="L"), encoded(10, mode="CMYK")]
PICTURES += [encoded(11, mode="P", form="png"), encoded(12, mode="RGBA", form="png")]
LABELS = np.arange(len(PICTURES)) % 3
SPLITS = ["train"] * 5 + ["test"] * 8


def stored(folder, pictures=PICTURES):
    """A packed set of these pictures, the last one first in its tar."""
    members = {f"{place:02d}.jpg": data for place, data in reversed(list(enumerate(pictures)))}
    content = tar(members)
    (folder / "images.tar").write_bytes(content)
    index = {
        "split": SPLITS,
        "label": LABELS,
        "source": [f"set.tar[{place:02d}.jpg]" for place in range(len(pictures))],
        "offset": [content.index(data) for data in pictures],
        "length": list(map(len, pictures)),
    }
    pd.DataFrame(index).to_parquet(folder / "index.parquet")
    return folder / "images.tar", folder / "index.parquet"


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (256, 256), (257, 300), (1000, 90), (91, 903), (30, 20)])
def test_preprocessing_is_torchvisions(size):
    image = opened(encoded(sum(size), size))
    for ours, theirs in (
        (squash(image, 480), transforms.Resize((480, 480))),
        (short_side(image, 224), transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])),
    ):
        assert np.array_equal(np.asarray(ours), np.asarray(theirs(image)))


@pytest.mark.parametrize("preprocessing", ["squash", "short_side"])
@pytest.mark.parametrize("workers, batch", [(0, 100), (0, 4), (1, 3), (2, 1)])
def test_batches_are_the_transformed_pictures_in_order(tmp_path, preprocessing, workers, batch):
    fit = {
        "squash": [transforms.Resize((28, 28))],
        "short_side": [transforms.Resize(32), transforms.CenterCrop(28)],  # 32 to 28 is as 256 to 224
    }
    transform = transforms.Compose([*fit[preprocessing], transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    rows = np.random.default_rng(0).permutation(len(PICTURES))
    found = list(batches(*stored(tmp_path), rows, Form(28, MEAN, STD, preprocessing), batch, CPU, workers))
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in found)
    assert [len(x) for x in found[:-1]] == [batch] * (len(found) - 1)
    assert torch.equal(torch.cat(found), torch.stack([transform(opened(PICTURES[row])) for row in rows]))


@pytest.mark.parametrize("size, batch", [(12, 5), (20, 100)])
def test_arrays_come_in_slices(tmp_path, size, batch):
    images = np.random.default_rng(0).integers(0, 256, (13, 12, 12, 3), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    rows = np.array([7, 2, 3, 12, 0, 1])
    form = Form(size, MEAN, STD, None)
    found = batches(tmp_path / "images.npy", tmp_path / "index.parquet", rows, form, batch, CPU, 0)
    assert torch.equal(torch.cat(list(found)), to_input(images[rows], size, MEAN, STD))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("damaged", [PICTURES[7][:300], b"<html>"], ids=["cut", "other"])
def test_a_picture_that_does_not_decode_is_named(tmp_path, workers, damaged):
    pictures = [*PICTURES[:7], damaged, *PICTURES[8:]]
    form = Form(28, MEAN, STD, "squash")
    with pytest.raises(Problem, match=r"^.*images\.tar: set\.tar\[07\.jpg\] is no picture: [^\n]*$"):
        list(batches(*stored(tmp_path, pictures), np.arange(13), form, 2, CPU, workers))


def test_a_network_that_takes_no_pictures_is_named(tmp_path):
    with pytest.raises(Problem, match="the network does not say how one becomes its input"):
        next(batches(*stored(tmp_path), np.arange(13), Form(28, MEAN, STD, None), 2, CPU, 0))


@pytest.fixture
def network(monkeypatch):
    """A small network that takes pictures as BiT does, and one that has seen some."""
    monkeypatch.setattr(Network, "preprocessing", "squash")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = networks.build("resnet34", 3, {"width": 2})
        built(torch.randn(64, 3, 32, 32))
    return built.eval()


def test_extraction_is_that_of_the_same_pixels_in_an_array(tmp_path, monkeypatch, network):
    """The array is made by the rule ``squash``; every array, layer and channel of both is the same."""
    weights, card = tmp_path / "model.safetensors", tmp_path / "checkpoint.json"
    save_file(network.state_dict(), weights)
    facts = {"network": "resnet34", "classes": 3, "options": {"width": 2}, "size": 32, "mean": MEAN, "std": STD}
    card.write_text(json.dumps(facts))
    images, index = stored(tmp_path)
    np.save(tmp_path / "images.npy", np.stack([squash(opened(data), 32) for data in PICTURES]))
    found = []
    for stored_as, workers, batch in ((tmp_path / "images.npy", 0, 4), (images, 0, 4), (images, 2, 4)):
        monkeypatch.setenv("OOD_WORKERS", str(workers))
        outputs = tmp_path / "features", tmp_path / "statistics"
        extract(weights, card, tmp_path, stored_as, index, *outputs, {"batch": batch})
        found.append(load_file(outputs[0]) | load_file(outputs[1]))
    assert len(found[0]["features"]) == 13 and len(found[0]["top1.density"]) == 8
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        assert all(np.array_equal(values, found[0][name]) for name, values in other.items())


def test_a_set_with_constants_of_its_own_is_normalised_with_them(tmp_path, network):
    """As by a network whose card has these; its own card's are for all other sets."""
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    own, found = [[0.5, 0.6, 0.7], [0.4, 0.3, 0.2]], []
    for constants, spec in ((own, {}), ([MEAN, STD], {"normalisation": own}), ([MEAN, STD], {})):
        card = {"network": "resnet34", "classes": 3, "options": {"width": 2}, "size": 32}
        (tmp_path / "card.json").write_text(json.dumps(card | dict(zip(("mean", "std"), constants, strict=True))))
        outputs = tmp_path / "features", tmp_path / "statistics"
        extract(
            tmp_path / "model.safetensors",
            tmp_path / "card.json",
            tmp_path,
            *stored(tmp_path),
            *outputs,
            {"batch": 4} | spec,
        )
        found.append(load_file(outputs[0])["features"])
    assert np.array_equal(found[0], found[1]) and not np.allclose(found[0], found[2])


def test_extraction_on_bit_reads_the_layer_before_the_head_too(tmp_path, monkeypatch):
    monkeypatch.setattr(bit_r101x1, "UNITS", (1, 1, 1, 1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_file(networks.build("bit_r101x1", 3, {}).state_dict(), tmp_path / "model.safetensors")
    card = {"network": "bit_r101x1", "classes": 3, "options": {}, "size": 64, "mean": MEAN, "std": STD}
    (tmp_path / "card.json").write_text(json.dumps(card))
    images, index = stored(tmp_path)
    weights, outputs = tmp_path / "model.safetensors", (tmp_path / "features", tmp_path / "statistics")
    extract(weights, tmp_path / "card.json", tmp_path, images, index, *outputs, {"batch": 4})
    read = read_attributions(outputs[1], read_features(outputs[0], np.arange(8)))
    norms = [f"body.stages.3.blocks.0.norm{number}.0" for number in (1, 2, 3)]
    assert read.layers == (*norms, "body.norm.0") and read.final == ("body.norm.0",)
    assert read.channels.tolist() == [1024, 512, 512, 2048] and read.statistics["top1.density"].shape == (8, 4)


def test_a_published_network_is_measured_on_pictures(tmp_path, network):
    torch.save(network.state_dict(), tmp_path / "network.pth")
    card, spec = tmp_path / "checkpoint.json", {"network": "resnet34", "options": {"width": 2}, "seed": 0, "size": 32}
    spec |= {"normalisation": [MEAN, STD], "splits": ["train", "test"], "class_order": None, "batch": 4}
    arguments = tmp_path / "network.pth", *stored(tmp_path), tmp_path / "model.safetensors", card
    adopt(*arguments, spec)
    x = to_input(np.stack([squash(opened(data), 32) for data in PICTURES]), 32, MEAN, STD)
    right = network(x).argmax(1).numpy() == LABELS
    expected = {split: right[np.array(SPLITS) == split].mean() for split in ("train", "test")}
    assert json.loads(card.read_text())["accuracy"] == pytest.approx(expected)
    with pytest.raises(Problem, match=r"images\.tar holds encoded pictures, and neither .* says the mean and std"):
        adopt(*arguments, spec | {"normalisation": None})
