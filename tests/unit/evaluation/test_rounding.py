"""What number formats decide: S1 and ties, from files and by hand."""

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

from ood.evaluation.rounding import measures, rounding

SCORES = {"id": np.array([3.0, 2.0, 2.0, 1.0]), "near": np.array([2.0, 1.5]), "far": np.array([0.5, 0.25])}


def test_measures_by_hand():
    found = measures(SCORES, "id", {"average": ["near", "far"]})
    labels = [1, 1, 1, 1, 0, 0]
    near = roc_auc_score(labels, np.concatenate([SCORES["id"], SCORES["near"]]))
    assert found["near", "AUROC"] == pytest.approx(near) and found["far", "AUROC"] == 1
    assert found["average", "AUROC"] == pytest.approx((near + 1) / 2)
    assert found["average", "tied"] == pytest.approx(3 / 8) and found["average", "largest"] == 3
    # All ID at or above 1: both near ones too. GAIA's threshold is the lowest ID score (round(0.05 * 4) = 0).
    assert found["near", "FPR95"] == found["near", "FPR95_gaia"] == 1


@pytest.fixture
def files(tmp_path):
    """Two seeds, two sets of 40 test images behind 3 others; the second seed is certain of all."""
    rng, features = np.random.default_rng(0), []
    for seed in (0, 1):
        for name in ("id", "ood"):
            h = rng.random((43, 6)).astype(np.float32)
            weight, bias = rng.normal(size=(4, 6)).astype(np.float32), np.zeros(4, np.float32)
            z = (h @ weight.T) * (1 + 100 * seed)
            features.append(tmp_path / f"{name}{seed}")
            save_file({"features": h, "logits": z, "weight": weight, "bias": bias}, features[-1])
    index = tmp_path / "index.parquet"
    pd.DataFrame({"split": ["train"] * 3 + ["test"] * 40}).to_parquet(index)
    spec = {"benchmark": "b", "datasets": ["id", "ood"], "averages": {"average": ["ood"]}, "seeds": [0, 1]}
    return {"indices": [index] * 2, "features": features, "table": tmp_path / "table.parquet", "spec": spec}


def test_s1_is_the_rounding_of_its_format(files):
    rounding(**files)
    cells = pd.read_parquet(files["table"]).set_index(["benchmark", "detector", "variant", "dataset", "metric"])
    assert cells.index.is_unique
    z = [load_file(file)["logits"][3:].astype(float) for file in files["features"][:2]]
    msp = np.concatenate([softmax(one, axis=1).max(axis=1) for one in z])
    found = cells.loc[("b", "msp", "float64", "ood", "AUROC"), "values"]
    assert found[0] == pytest.approx(roc_auc_score(np.repeat([1, 0], 40), msp))
    largest = {form: max(cells.at[("b", "s1", form, "average", "largest"), "values"]) for form in FORMATS}
    for form, value in largest.items():  # squares of rounding errors times norms of order 1
        assert 0 < value < 100 * np.finfo(form).eps ** 2, form
    aurocs = [tuple(cells.at[("b", "s1", form, "ood", "AUROC"), "values"]) for form in FORMATS]
    assert len(set(aurocs)) == 3
    row = cells.loc[("b", "msp", "float64", "ood", "AUROC")]
    assert row["mean"] == pytest.approx(np.mean(row["values"]))
    assert row["std"] == pytest.approx(np.std(row["values"], ddof=1)) and list(row["seeds"]) == [0, 1]


def test_msp_of_a_certain_network_has_ties_in_short_formats(files):
    rounding(**files)
    cells = pd.read_parquet(files["table"]).set_index(["detector", "variant", "dataset", "metric"])["values"]
    tied = {form: cells["msp", form, "average", "tied"] for form in FORMATS}
    assert tied["float16"][1] > tied["float32"][1] > tied["float64"][0] == 0


FORMATS = ("float16", "float32", "float64")
