"""Scores that mean nothing stop the job, with the detector, the variant and the dataset."""

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

from ood import detectors
from ood.errors import Problem
from ood.score import check, read_features, read_split, score


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
    for name, splits in {"id": ["train"] * 5 + ["test"] * 5, "ood": ["test"] * 6}.items():
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
    assert table["dataset"].tolist() == ["id"] * 5 + ["ood"] * 6
    assert table["image"].tolist() == [5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5]
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


@pytest.mark.parametrize("name", ["features", "logits", "weight", "bias"])
def test_features_that_are_not_finite_are_refused(files, name):
    arrays = load_file(files["features"][0])
    arrays[name].flat[-1] = np.nan
    save_file(arrays, files["features"][0])
    with pytest.raises(Problem, match=rf"id\.safetensors: {name} are not all finite"):
        read_features(files["features"][0], np.arange(3))


def test_an_index_longer_than_the_features_is_refused(files):
    with pytest.raises(Problem, match=r"id\.safetensors: .* it has features \(10, 3\)"):
        read_features(files["features"][0], np.arange(11))
