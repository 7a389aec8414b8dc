"""Scores that mean nothing stop the job, with the detector, the variant and the dataset."""

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from ood import detectors
from ood.errors import Problem
from ood.score import check, score


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
        pd.DataFrame({"split": splits}).to_parquet(tmp_path / f"{name}.parquet")
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
    from safetensors.numpy import load_file

    expected = [load_file(path)["logits"].max(1) for path in files["features"]]
    assert np.array_equal(table["maxlogit"], np.concatenate([expected[0][5:], expected[1]]).astype(float))


def test_a_constant_score_is_refused(files, monkeypatch):
    constant = type(
        "Method",
        (detectors.method("maxlogit"),),
        {"score": lambda self, images, fitted: {"maxlogit": 0 * images.z[:, 0]}},
    )
    monkeypatch.setattr(detectors, "method", lambda name: constant)
    with pytest.raises(Problem, match="variant 'maxlogit': all images have the same score, 0.0"):
        score(**files, spec=SPEC)
