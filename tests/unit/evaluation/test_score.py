"""What goes into a detector and comes out; scores that mean nothing stop the job, with detector, variant, dataset.

A detector that runs the network gets batches, of arrays and of packs, again and again, and never all of them at once.
"""

import json
import weakref

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from pictures import encoded, tar
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_network
from safetensors.torch import save_model

from ood import detectors, networks
from ood.data.loading import Form, batches
from ood.errors import Problem
from ood.evaluation.score import check, opened, read_features, read_split, score


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(bad):
    with pytest.raises(Problem, match="detector rg, variant 'k=1', dataset faces: 1 of 3 scores are not finite"):
        check({"k=1": np.array([0.0, bad, 1.0])}, "rg", "faces", 3)


def test_a_score_too_few_is_refused():
    with pytest.raises(Problem, match="3 finite ones were expected"):
        check({"k=1": np.zeros(2)}, "rg", "faces", 3)


@pytest.fixture
def files(tmp_path):
    """Features of an ID set (train and test) and of an OOD set, as extraction writes them."""
    rng = np.random.default_rng(0)
    paths = {"indices": [], "features": []}
    for name, splits in {"id": ["train"] * 5 + ["test"] * 5, "ood": ["test"] * 5}.items():
        pd.DataFrame({"split": splits, "label": np.arange(len(splits)) % 4}).to_parquet(tmp_path / f"{name}.parquet")
        h = rng.random((len(splits), 3), dtype=np.float32)
        weight, bias = np.eye(4, 3, dtype=np.float32), np.zeros(4, np.float32)
        save_file(
            {"features": h, "logits": h @ weight.T + bias, "weight": weight, "bias": bias},
            tmp_path / f"{name}.safetensors",
        )
        paths["indices"].append(tmp_path / f"{name}.parquet")
        paths["features"].append(tmp_path / f"{name}.safetensors")
    return {**paths, "attributions": [], "images": [], "checkpoint": [], "scores": tmp_path / "scores.parquet"}


SPEC = {"detector": "maxlogit", "options": {}, "datasets": ["id", "ood"]}


def test_the_test_images_are_scored_in_the_order_of_the_index(files):
    score(**files, spec=SPEC)
    table = pd.read_parquet(files["scores"])
    assert table["dataset"].tolist() == ["id"] * 5 + ["ood"] * 5
    assert table["image"].tolist() == [5, 6, 7, 8, 9, 0, 1, 2, 3, 4]
    expected = [load_file(path)["logits"].max(1) for path in files["features"]]
    assert np.array_equal(table["maxlogit"], np.concatenate([expected[0][5:], expected[1]]).astype(float))


def test_a_detector_is_fitted_on_the_training_split(files):
    score(**files, spec={**SPEC, "detector": "react"})
    arrays = load_file(files["features"][0])
    table = pd.read_parquet(files["scores"])
    for rule, rows in {"train_percentile": slice(5), "test_percentile": slice(5, 10)}.items():
        h = np.minimum(arrays["features"][5:], np.percentile(arrays["features"][rows].astype(float), 90))
        exact = np.log(np.exp(h @ arrays["weight"].T + arrays["bias"]).sum(axis=1))
        assert table[rule][:5].to_numpy() == pytest.approx(exact, rel=1e-5)


def test_options_reach_the_detector_and_are_noted(files):
    score(**files, spec={**SPEC, "detector": "energy", "options": {"temperature": 2.0}})
    z = load_file(files["features"][1])["logits"].astype(float)
    scores = pd.read_parquet(files["scores"])["energy"][5:]
    assert scores.to_numpy() == pytest.approx(2 * np.log(np.exp(z / 2).sum(axis=1)))
    about = json.loads(pq.read_schema(files["scores"]).metadata[b"ood"])
    assert about == {"detector": "energy", "default": "energy", "options": {"temperature": 2.0}}
    score(**files, spec={**SPEC, "detector": "gradients"})
    about = json.loads(pq.read_schema(files["scores"]).metadata[b"ood"])
    assert about == {"detector": "gradients", "default": "S6 weight_and_bias", "options": {}}


def write_attributions(path, seed: int, layers: str) -> np.ndarray:
    """A statistics file with random densities (5, 2) of layers with one and three channels."""
    density = np.random.default_rng(seed).random((5, 2))
    about = {"layers": layers.split(), "late": ["block2."], "final": [], "blocks": ["block1.", "block2."]}
    save_file({"top1.density": density, "channels": np.array([1, 3])}, path, metadata={"ood": json.dumps(about)})
    return density


def test_every_dataset_is_scored_with_its_own_attributions(files, tmp_path):
    files["attributions"] = [tmp_path / "id.statistics", tmp_path / "ood.statistics"]
    layers = "block1.norm block2.norm"
    density = [write_attributions(*pair, layers) for pair in zip(files["attributions"], (0, 1), strict=True)]
    score(**files, spec={**SPEC, "detector": "gaia_z"})
    table, density = pd.read_parquet(files["scores"]), np.concatenate(density)
    assert table["all"].to_numpy() == pytest.approx(-density @ [0.25, 0.75])
    assert table["late"].to_numpy() == pytest.approx(-density[:, 1])
    assert table["layer=block1.norm"].to_numpy() == pytest.approx(-density[:, 0])


def test_a_network_without_attribution_layers_is_refused(files, tmp_path):
    files["attributions"] = [tmp_path / "id.statistics"]
    write_attributions(*files["attributions"], 0, "")
    with pytest.raises(Problem, match=r"id\.statistics: this network has no normalisation layers"):
        score(**files, spec={**SPEC, "detector": "gaia_z"})


@pytest.mark.parametrize("own", [{}, {"ood": ([0.5, 0.4, 0.3], [0.5, 0.6, 0.7])}])
def test_a_network_gets_the_test_images_normalised_as_its_card_or_the_set_says(files, tmp_path, own):
    facts = {"network": "resnet34", "classes": 4, "options": {"width": 2, "channels": 3}, "size": 8}
    facts |= {"mean": [0.1, 0.3, 0.5], "std": [0.2, 0.4, 0.8]}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_model(networks.build("resnet34", 4, facts["options"]), tmp_path / "weights")
    (tmp_path / "card").write_text(json.dumps(facts))
    files |= {"checkpoint": [tmp_path / "weights", tmp_path / "card"], "images": []}
    network, _ = networks.load(*files["checkpoint"])
    exact = []
    for name, count, first in (("id", 10, 5), ("ood", 5, 0)):
        pictures = np.random.default_rng(count).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
        files["images"].append(tmp_path / f"{name}.npy")
        np.save(files["images"][-1], pictures)
        mean, std = map(torch.tensor, own.get(name, (facts["mean"], facts["std"])))
        x = (torch.from_numpy(pictures[first:] / 255) - mean) / std
        images = detectors.Images(network, [x.permute(0, 3, 1, 2).float()], std.tolist())
        exact.append(detectors.method("odin")(temperature=1).score(images, None))
    score(
        **files, spec={**SPEC, "detector": "odin", "options": {"temperature": 1.0}, "batch": 4, "normalisations": own}
    )
    for column, values in pd.read_parquet(files["scores"])[["normalised", "pixel"]].items():
        expected = np.concatenate([scores[column] for scores in exact])
        assert values.to_numpy() == pytest.approx(expected, rel=1e-5)
        assert np.ptp(expected) > 1e-3


def test_a_constant_score_is_refused(files, monkeypatch):
    constant = type(
        "Method",
        (detectors.method("maxlogit"),),
        {"score": lambda self, images, fitted: {"maxlogit": 0 * images.z[:, 0]}},
    )
    monkeypatch.setattr(detectors, "method", lambda name: constant)
    with pytest.raises(Problem, match="variant 'maxlogit': all images have the same score, 0.0"):
        score(**files, spec=SPEC)


def test_a_split_is_its_images_and_labels(files):
    train, test = (read_split(files["indices"][0], files["features"][0], split) for split in ("train", "test"))
    arrays = load_file(files["features"][0])
    assert train.labels.tolist() == [0, 1, 2, 3, 0] and test.labels.tolist() == [1, 2, 3, 0, 1]
    assert np.array_equal(np.concatenate([train.features.h, test.features.h]), arrays["features"].astype(float))
    assert train.features.z.dtype == float and train.features.weight.shape == (4, 3)


@pytest.mark.parametrize("label", [4, -1])
def test_a_label_that_is_no_output_is_refused(files, label):
    pd.DataFrame({"split": ["train"] * 10, "label": [0] * 9 + [label]}).to_parquet(files["indices"][0])
    with pytest.raises(
        Problem, match=rf"id\.parquet: label {label}, but the network of .*id\.safetensors has 4 outputs"
    ):
        read_split(files["indices"][0], files["features"][0], "train")


def test_a_fitted_detector_without_a_training_split_is_refused(files):
    with pytest.raises(Problem, match=r"ood\.parquet: no image is of the split 'train', on which this detector"):
        read_split(files["indices"][1], files["features"][1], "train")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["features", "logits", "weight", "bias"])
def test_features_that_are_not_finite_are_refused(files, name, bad):
    arrays = load_file(files["features"][0])
    arrays[name].flat[-1] = bad
    save_file(arrays, files["features"][0])
    with pytest.raises(Problem, match=rf"id\.safetensors: {name} are not all finite"):
        read_features(files["features"][0], np.arange(3))


def test_an_index_longer_than_the_features_is_refused(files):
    with pytest.raises(Problem, match=r"id\.safetensors: .* it has features \(10, 3\)"):
        read_features(files["features"][0], np.arange(11))


@pytest.fixture(params=["npy", "tar"])
def checkpoint(request, tmp_path):
    """A small network, its card, and a labelled set of 11 images for it: an array, or a pack of pictures."""
    facts = {"network": "resnet50", "classes": 3, "options": {}, "size": 32, "mean": [0.4] * 3, "std": [0.2] * 3}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_network(networks.build("resnet50", 3, {}).state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "card.json").write_text(json.dumps(facts))
    index = {"split": ["train"] * 4 + ["test"] * 7, "label": np.arange(11) % 3}
    if request.param == "npy":
        pixels = np.random.default_rng(0).integers(256, size=(11, 32, 32, 3), dtype=np.uint8)
        np.save(tmp_path / "images.npy", pixels)
    else:
        pictures = [encoded(seed, (40 + seed, 50)) for seed in range(11)]
        content = tar({f"{place:02d}.jpg": data for place, data in enumerate(pictures)})
        (tmp_path / "images.tar").write_bytes(content)
        index |= {"offset": [content.index(data) for data in pictures], "length": list(map(len, pictures))}
        index |= {"source": [f"set.tar[{place}]" for place in range(11)]}
    pd.DataFrame(index).to_parquet(tmp_path / "index.parquet")
    form = Form(32, facts["mean"], facts["std"], "short_side")
    files = [tmp_path / name for name in ("model.safetensors", "card.json", f"images.{request.param}", "index.parquet")]
    return *files, form


def test_images_are_read_again_each_time_and_never_all_at_once(checkpoint):
    weights, card, images, index, form = checkpoint
    rows = np.array([9, 2, 3, 10, 0, 1, 7])
    given = opened(weights, card, 2)(images, index, rows)
    assert given.std == form.std and not given.network.training
    alive, parts = [], []
    for x in given.batches:
        alive.append(weakref.ref(x))
        parts.append(x.numpy().copy())
        assert len(x) <= 2 and sum(batch() is not None for batch in alive) <= 2
    again = list(given.batches)
    exact = torch.cat(list(batches(images, index, rows, form, 7, torch.device("cpu"), 0)))
    assert np.array_equal(np.concatenate(parts), exact) and torch.equal(torch.cat(again), exact)


def test_a_detector_runs_the_network_on_arrays_and_packs(checkpoint, tmp_path):
    weights, card, images, index, form = checkpoint
    spec = {"detector": "odin", "options": {"epsilon": 0}, "datasets": ["id", "ood"], "batch": 3, "network": "resnet50"}
    score([index] * 2, [], [], [images] * 2, [weights, card], tmp_path / "scores.parquet", spec)
    network, _ = networks.load(weights, card)
    x = torch.cat(list(batches(images, index, np.arange(4, 11), form, 7, torch.device("cpu"), 0)))
    table = pd.read_parquet(tmp_path / "scores.parquet")
    assert table["image"].tolist() == 2 * list(range(4, 11))
    exact = torch.softmax(network(x).double() / 1000, 1).amax(1).numpy()
    assert table["normalised"].to_numpy() == pytest.approx(np.tile(exact, 2), rel=1e-7)


class Nearest(detectors.Detector):
    """Minus the distance of an image's mean to that of the nearest class of the training split."""

    consumes, needs_train, default = "network", True, "nearest"

    def fit(self, train, test):
        means = torch.cat([x.mean((1, 2, 3)) for x in train.images.batches]).double().numpy()
        return np.array([means[train.labels == label].mean() for label in range(3)])

    def score(self, images, fitted):
        means = torch.cat([x.mean((1, 2, 3)) for x in images.batches]).double().numpy()
        return {"nearest": -np.abs(means[:, None] - fitted).min(1)}


def test_a_detector_of_the_network_is_fitted_on_labelled_images(checkpoint, tmp_path, monkeypatch):
    weights, card, images, index, form = checkpoint
    monkeypatch.setattr(detectors, "method", lambda name: Nearest)
    spec = {"detector": "nearest", "options": {}, "datasets": ["id"], "batch": 3, "network": "resnet50"}
    files = [index], [], [], [images], [weights, card], tmp_path / "scores.parquet"
    score(*files, spec)
    x = torch.cat(list(batches(images, index, np.arange(11), form, 11, torch.device("cpu"), 0)))
    means = x.double().mean((1, 2, 3)).numpy()
    classes = np.array([(means[0] + means[3]) / 2, means[1], means[2]])  # labels 0, 1, 2, 0
    exact = [-min(abs(mean - centre) for centre in classes) for mean in means[4:]]
    assert pd.read_parquet(files[-1])["nearest"].to_numpy() == pytest.approx(exact, abs=1e-6)
    table = pd.read_parquet(index)
    table.assign(label=3).to_parquet(index)
    with pytest.raises(Problem, match=r"label 3, but the network of .*model\.safetensors has 3 outputs"):
        score(*files, spec)
    table.assign(split="test").to_parquet(index)
    with pytest.raises(Problem, match=r"index\.parquet: no image is of the split 'train'"):
        score(*files, spec)
