"""Extraction against the network run on one image at a time, wherever train and test images stand in the index."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from inputs import to_input
from safetensors import safe_open
from safetensors.numpy import load_file
from safetensors.torch import save_file

from ood import networks
from ood.networks import bit_r101x1
from ood.passes.attribution import ALL, attributions, blocks
from ood.passes.extraction import extract

torch.set_num_threads(1)  # as every step does

SIDE = 28
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]
OWN = [[0.5, 0.3, 0.4], [0.3, 0.2, 0.4]]
MIXED = "train test test, train train train, test test test, test train"  # by batch
TURNS = "train test, test train, train test"
# A position of a map may be zero in one order of summation and not in another.
ONE_POSITION = 1e-3


def lived_in(name: str, options: dict) -> networks.Classifier:
    """A network with random weights and shifts, whose normalisation layers have seen images, frozen."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = networks.build(name, 3, options)
        for parameter in network.parameters():
            if parameter.ndim == 1:  # scales and shifts
                torch.nn.init.uniform_(parameter, 0.1, 1)
        for module in network.modules():
            module.momentum = None  # after one pass the statistics are those of its images
        network(torch.randn(8, network.channels, SIDE, SIDE))
    return network.eval().requires_grad_(False)


@pytest.fixture
def extracted(tmp_path, monkeypatch):
    """A function from a network, its options, splits by batch and a set's own normalisation to the network, its input,
    which images are scored, and the arrays and the facts that extraction writes."""

    def make(name: str, options: dict, splits: str, own: list | None = None) -> tuple:
        monkeypatch.setattr(bit_r101x1, "UNITS", (1, 1, 1, 2))
        network = lived_in(name, options)
        save_file(network.state_dict(), tmp_path / "weights")
        mean, std = MEAN[: network.channels], STD[: network.channels]
        facts = {"network": name, "classes": 3, "options": options, "size": SIDE, "mean": mean, "std": std}
        (tmp_path / "card").write_text(json.dumps(facts))
        split = splits.replace(",", "").split()
        pd.DataFrame({"split": split}).to_parquet(tmp_path / "index")
        rng, shape = np.random.default_rng(0), (SIDE, SIDE, network.channels)
        images = np.stack([rng.integers(0, rng.integers(2, 257), shape, dtype=np.uint8) for _ in split])  # some darker
        np.save(tmp_path / "images.npy", images)
        files = [tmp_path / part for part in ("weights", "card", "accepted", "images.npy", "index", "h", "s")]
        spec = {"batch": len(splits.split(",")[0].split())} | ({"normalisation": own} if own else {})
        extract(*files, spec)
        with safe_open(files[-1], framework="numpy") as file:
            about = json.loads(file.metadata()["ood"])
        x = to_input(images, SIDE, *(own or (mean, std)))
        return network, x, np.array(split) == "test", load_file(files[-2]), load_file(files[-1]), about

    return make


@pytest.mark.parametrize(
    ("name", "options", "splits", "own"),
    [
        ("resnet34", {"width": 2}, MIXED, None),
        ("resnet34", {"width": 2}, TURNS, OWN),
        ("bit_r101x1", {}, TURNS, None),
    ],
    ids=["mixed", "turns", "final"],
)
def test_every_array_is_that_of_one_image_at_a_time(extracted, name, options, splits, own):
    network, x, scored, features, statistics, about = extracted(name, options, splits, own)
    layers = network.attribution_layers() | network.final_norm()
    assert set(features) == {"features", "logits", "weight", "bias"} and set(statistics) == {*ALL, "channels"}
    assert features["features"].shape == (len(x), network.head.in_features)
    assert all(statistics[key].shape == (scored.sum(), len(layers)) for key in ALL)
    images = x.split(1)
    for key, run in (("features", network.features), ("logits", network)):
        exact = torch.cat([run(image) for image in images])
        np.testing.assert_allclose(features[key], exact, rtol=1e-4, atol=1e-5, err_msg=key)
        assert exact.std(0).max() > 1e-2, key
    alone = [attributions(network, image, layers)[1] for image, wanted in zip(images, scored, strict=True) if wanted]
    for key in ALL:
        exact = torch.cat([found[key] for found in alone]).numpy()
        np.testing.assert_allclose(statistics[key], exact, rtol=ONE_POSITION, err_msg=key)
        spread = np.ptp(exact, axis=0) / exact.max(axis=0)
        assert spread.max() > 10 * ONE_POSITION, key  # by this much images differ
    for key, exact in network.head.named_parameters():
        assert np.array_equal(features[key], exact)
    outputs = dict.fromkeys(layers)
    for layer, module in layers.items():
        module.register_forward_hook(lambda module, inputs, maps, layer=layer: outputs.update({layer: maps.shape[1]}))
    network(images[0])
    assert statistics["channels"].tolist() == list(outputs.values())
    expected = {"late": network.late, "final": network.final_norm(), "blocks": blocks(network), "layers": layers}
    assert about == {key: list(names) for key, names in expected.items()}


@pytest.mark.parametrize(("name", "options"), [("playground_mlp", {}), ("resnet34", {"width": 2})])
def test_a_network_without_layers_or_blocks_has_features_only(extracted, name, options, monkeypatch):
    monkeypatch.setattr(networks.architecture(name), "blocks", lambda network: {})
    network, x, _, features, statistics, about = extracted(name, options, MIXED)
    assert {key: values.size for key, values in statistics.items()} == {"channels": 0} and about["layers"] == []
    for key, exact in (("features", network.features), ("logits", network)):
        np.testing.assert_allclose(features[key], torch.cat([exact(part) for part in x.split(1)]), 1e-5, 1e-6)


def test_a_set_without_test_images_has_features_only(extracted):
    network, x, _, features, statistics, _ = extracted("resnet34", {"width": 2}, "train train, train")
    assert set(statistics) == {"channels"}
    exact = torch.cat([network.features(image) for image in x.split(1)])
    np.testing.assert_allclose(features["features"], exact, 1e-5, 1e-6)
