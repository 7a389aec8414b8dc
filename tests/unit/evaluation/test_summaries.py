"""What is shown of scores: ROC curves against scikit-learn, the rest by hand, from files."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_curve

from ood.evaluation.summaries import ALL, FALSE_POSITIVES, scaled, summaries, true_positives


@pytest.mark.parametrize("decimals", [9, 1], ids=["distinct", "ties"])
def test_the_curve_is_scikit_learns(decimals):
    rng = np.random.default_rng(0)
    ids, oods = rng.normal(1, 1, 300).round(decimals), rng.normal(0, 1, 200).round(decimals)
    labels, scores = np.repeat([1, 0], [300, 200]), np.concatenate([ids, oods])
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    exact = [tpr[fpr <= rate + 1e-9].max() for rate in FALSE_POSITIVES]
    np.testing.assert_allclose(true_positives(ids, oods), exact, atol=1e-12)


@pytest.mark.parametrize(("ids", "oods", "height"), [([2, 3], [0, 1], 1), ([0, 1], [2, 3], 0)])
def test_separated_scores(ids, oods, height):
    assert (true_positives(np.array(ids), np.array(oods))[:-1] == height).all()


H, ENERGY = np.array([1.0, 2.0, 4.0, 8.0]), np.array([3.0, -1.0, 0.0, 5.0])


def scored(seed: int) -> dict[str, dict[str, np.ndarray]]:
    """By detector the scores of two ID and two OOD images."""
    fused = dict.fromkeys(["top1", "output", "inner", "q=0.5"], -np.array([1e-3, 1e-2, 1e-1, 1]))
    s2 = (1.5, 2.0)[seed] * H * (1 + 1e-9 * np.arange(4) * seed)
    return {
        "msp": {"other": -H, "msp": np.array([[3, 1, 2, 0], [3, 2, 1, 0]][seed], float)},
        "gaia_a": fused | {"q=0.5 layer=bn1": -H - 10 * seed},
        "gaia_z": {"all": -H, "forward all": -H * (1 + 0.25 * seed * (H == 8)), "layer=bn1": H},
        "encoding_output": {"U=norm1 V=energy": (1 + seed) * H * ENERGY, "U=1 V=energy": ENERGY},
        "gradients": {"S2 weight": s2},
    }


@pytest.fixture
def shown(tmp_path):
    """What is made of the scores of two seeds, in which those of some detectors may be changed first."""

    def make(**changed):
        files = []
        for detector in scored(0):
            for seed in (0, 1):
                variants = scored(seed)[detector] | changed.get(detector, {})
                table = pa.table({"dataset": ["in", "in", "far", "far"], "image": [0, 1, 0, 1], **variants})
                about = {"ood": json.dumps({"default": list(variants)[-1] if detector == "msp" else list(variants)[0]})}
                files.append(tmp_path / f"{detector}{seed}")
                pq.write_table(table.replace_schema_metadata(about), files[-1])
        spec = {"id": "in", "ood": ["far"], "detectors": list(scored(0)), "seeds": [0, 1]}
        with np.errstate(invalid="ignore"):  # no energy
            summaries(files, tmp_path / "table", spec)
        keys = ["kind", "detector", "variant", "dataset"]
        return pd.read_parquet(tmp_path / "table").set_index(keys)["values"].sort_index()

    return make


def test_curves_are_of_the_default_variant_and_means_over_seeds(shown):
    found = shown()["curve"]
    assert ("msp", "msp", "far") in found.index and ("msp", "other", "far") not in found.index
    curve = found["msp", "msp", "far"]
    assert curve[0] == pytest.approx((0.5 + 1) / 2) and curve[-1] == 1  # in the first seed one image of ID is below one


def test_histograms_are_of_the_logarithm_with_common_edges(shown):
    found = shown()
    edges = found["edges", "gaia_a", "inner", ALL]
    assert edges[[0, -1]] == pytest.approx(np.percentile([-3, -2, -1, 0], [0.5, 99.5]))
    for dataset, bins in (("in", [10]), (ALL, [20])):  # of each the image at the end is outside
        density = found["density", "gaia_a", "inner", dataset]
        assert (density * np.diff(edges)).sum() == pytest.approx(1) and abs(np.flatnonzero(density) - bins) <= 1


def test_a_default_variant_has_histograms_between_common_ends(shown):
    """Of 4, 2 | 3, 1 the ends leave out 4 and 1; 2 and 3 lie a third and two thirds of the way."""
    found = shown(msp={"msp": np.array([4.0, 2.0, 3.0, 1.0])})
    assert found["linear", "msp", "msp", ALL] == pytest.approx([1.015, 3.985])
    for dataset, place in (("in", 9), ("far", 20)):
        share = found["share", "msp", "msp", dataset]
        assert len(share) == 30 and share.nonzero()[0].tolist() == [place] and share[place] == 0.5
    assert ("share", "msp", "other", "in") not in found.index


@pytest.mark.parametrize(
    ("scores", "scale", "expected"),
    [
        ([1, 10, 1000], "log10", [0, 1, 3]),
        ([-1000, -10, -1], "log10", [-3, -1, 0]),
        ([1, 50, 100], "linear", [1, 50, 100]),
        ([-1000, 10, 1000], "linear", [-1000, 10, 1000]),
    ],
)
def test_scores_over_decades_are_drawn_by_their_logarithm_in_the_same_order(scores, scale, expected):
    name, drawn = scaled(pd.Series(scores, dtype=float))
    assert name == scale and drawn.tolist() == pytest.approx(expected)


def test_layers_are_means_over_images_and_seeds(shown):
    found = shown()
    means = {name: found["mean", *name][0] for name in found["mean"].index}
    assert means == {
        ("gaia_a", "q=0.5 layer=bn1", "in"): 6.5,
        ("gaia_a", "q=0.5 layer=bn1", ALL): 11,
        ("gaia_z", "layer=bn1", "in"): 1.5,
        ("gaia_z", "layer=bn1", ALL): 6,
    }


def test_points_are_of_the_first_seed(shown):
    found = shown()["point", "encoding_output"]
    assert found["U", "in"].tolist() == [1, 2] and found["V", "far"].tolist() == [0, 5]


def test_differences(shown):
    """Of the six images with energy; one of eight scores by GAIA-Z."""
    found = shown()
    largest, other, count = found["norm", "gradients", "S2 weight", ALL]
    assert largest == pytest.approx(3e-9, rel=1e-3) and (other, count) == (0, 6)  # images 0 and 3 of the second seed
    assert found["forms", "gaia_z", "forward all", ALL].tolist() == [pytest.approx(0.2), 1, 8]


def test_the_forms_of_an_image_without_gradients_are_apart_by_the_whole(shown):
    """Four images of each of two networks: one lost its gradients, one is silent in both forms."""
    found = shown(
        gaia_z={"all": np.array([0.0, -1, -2, 0]), "forward all": np.array([-0.5, -1, -2, 0]), "layer=bn1": H}
    )
    assert found["forms", "gaia_z", "forward all", ALL].tolist() == [1, 2, 8]


def test_another_order_is_counted(shown):
    found = shown(gradients={"S2 weight": np.array([2.0, 1.0, 4.0, 8.0])})
    assert found["norm", "gradients", "S2 weight", ALL][1:].tolist() == [4, 6]


def test_rounding_is_no_other_order(shown):
    alike = np.array([2.0, 2.0, 4.0, 8.0])
    s2 = alike * np.array([1, 1 + 1e-15, 1, 1])
    found = shown(encoding_output={"U=norm1 V=energy": alike * ENERGY}, gradients={"S2 weight": s2})
    assert found["norm", "gradients", "S2 weight", ALL][1:].tolist() == [0, 6]
