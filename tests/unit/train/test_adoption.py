"""A published checkpoint is taken over as it is: its order of classes, its normalisation, its accuracy."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from ood import networks
from ood.data.catalogue import datasets
from ood.data.prepare import prepare
from ood.errors import Problem
from ood.train.adoption import adopt, reorder

SPEC = {
    "seed": 0,
    "network": "resnet34",
    "options": {"width": 2, "channels": 1},
    "size": 8,
    "normalisation": [[0.25], [0.5]],
    "splits": ["train", "test"],
    "batch": 256,
}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The handwritten digits, prepared."""
    folder = tmp_path_factory.mktemp("digits")
    files = [folder / name for name in ("images.npy", "index.parquet", "card.json", "sheet.png")]
    prepare([], *files, datasets()["digits"].model_dump())
    return files[0], files[1]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A network with running statistics of its own, and its file."""
    path = tmp_path_factory.mktemp("published") / "network.pth"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = networks.build("resnet34", 10, SPEC["options"])
        network(torch.randn(64, 1, 8, 8))
    torch.save({"state_dict": network.state_dict()}, path)
    return network.eval(), path


def test_a_published_network_is_measured_as_it_is(tmp_path, digits, published):
    network, path = published
    weights, card = tmp_path / "model.safetensors", tmp_path / "card.json"
    adopt(path, *digits, weights, card, SPEC | {"class_order": None})
    facts = json.loads(card.read_text())
    images, index = np.load(digits[0]), pd.read_parquet(digits[1])
    x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - 0.25) / 0.5
    right = network(x).argmax(1).numpy() == index["label"].to_numpy()
    for split in ("train", "test"):
        assert facts["accuracy"][split] == pytest.approx(right[index["split"] == split].mean(), abs=2e-3)
    loaded, _ = networks.load(weights, card)
    assert torch.equal(loaded(x[:20]), network(x[:20]))
    assert (facts["mean"], facts["std"], facts["losses"]) == ([0.25], [0.5], [])
    assert facts["published"]["file"] == "network.pth" and len(facts["published"]["sha256"]) == 64


def test_outputs_come_to_the_datasets_order(tmp_path, digits, published):
    network, path = published
    order = [9, 0, 1, 2, 3, 4, 5, 6, 7, 8]  # output k stands for the label (k - 1) mod 10
    adopt(path, *digits, tmp_path / "model.safetensors", tmp_path / "card.json", SPEC | {"class_order": order})
    weight = load_file(tmp_path / "model.safetensors")["linear.weight"]
    for output, label in enumerate(order):
        assert torch.equal(weight[label], network.head.weight[output])


@pytest.mark.parametrize("order", [[0, 1], [0] * 10, list(range(1, 11))])
def test_an_order_that_is_no_permutation_is_refused(published, order):
    with pytest.raises(Problem, match="class_order in config.yaml: each of the labels 0 to 9 is expected once"):
        reorder(published[0].head, order)
