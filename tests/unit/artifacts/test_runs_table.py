"""The table of what was run: its words by hand, for a trained and an adopted network and what was not run."""

import json

import pandas as pd
import pytest

from ood.appendix.paper import macros
from ood.artifacts import runs_table
from ood.artifacts.evidence import Evidence

CARD = {"network": "resnet_a", "options": {"depth": 20}, "parameters": 272474, "device": "Some CPU (AVX2)"}


@pytest.fixture
def evidence(tmp_path, monkeypatch) -> Evidence:
    """``one``: two networks trained on different processors; ``two``: a published one. Two OOD sets and an average."""
    trained = CARD | {"network": "mlp", "options": {}, "recipe": {"epochs": 40}, "precision": "float32"}
    cards = {("one", 0): trained, ("one", 1): trained | {"device": "Some GPU"}}
    cards["two", 0] = CARD | {"published": {"file": "weights/resnet20.th", "sha256": "12"}}
    for (benchmark, seed), card in cards.items():
        folder = tmp_path / f"checkpoints/{benchmark}/seed{seed}"
        folder.mkdir(parents=True)
        (folder / "card.json").write_text(json.dumps(card))
    (tmp_path / "cells").mkdir()
    variants = [("msp", "msp"), ("gaia_z", "all"), ("gaia_z", "late"), ("network", "test")]
    # Numbers of images are floats, as the network's accuracies have none.
    sizes = {"near": (2000.0, 1200.0), "far": (2000.0, 50.0), "average": (2000.0, 1250.0)}
    for benchmark in ("one", "two"):
        rows = [
            {"benchmark": benchmark, "detector": detector, "variant": variant, "dataset": dataset, "metric": metric}
            | {"n_id": n_id, "n_ood": n_ood}
            for detector, variant in variants
            for dataset, (n_id, n_ood) in sizes.items()
            for metric in ("AUROC", "FPR95")
        ]
        pd.DataFrame(rows).to_parquet(tmp_path / f"cells/{benchmark}.parquet")
    monkeypatch.setattr("ood.claims.published.load", lambda path: pd.DataFrame())
    about = {"ood": ["near", "far"], "detectors": ["msp", "gaia_z"], "reproduces": None, "saliency": True}
    benchmarks = {
        "one": about | {"title": "One", "seeds": [0, 1], "reproduces": "small_scale"},
        "two": about | {"title": "Two_2", "seeds": [0]},
    }
    return Evidence(benchmarks, list(benchmarks), {}, {}, 0.95, str(tmp_path), "", str(tmp_path))


def test_networks_images_methods_and_processors_are_named(evidence):
    frame = runs_table.save(evidence)
    assert list(frame.loc["One"]) == [
        "mlp, 272,474 parameters; trained here, 2 seeds, 40 epochs, float32",
        "2,000 and 1,250",
        "2, 3",
        "Some CPU (AVX2); Some GPU",
    ]
    assert list(frame.loc["Two_2"])[0] == "resnet_a (depth 20), 272,474 parameters; published weights"
    assert list(frame.loc["ImageNet-1k, DenseNet-121"]) == ["not run", "", "", ""]
    assert "MNIST, SVHN and CIFAR-10" not in frame.index  # which One reproduces
    assert len(frame) == 7


def test_the_page_prints_them_by_id_and_tex_signs_are_escaped(evidence):
    runs_table.save(evidence)
    text, defined = (evidence.out / "RUNS.tex").read_text(), macros([evidence.out / "RUNS.csv"])
    asked = [part.split("}")[0] for part in text.split(r"\ours{")[1:]]
    assert len(asked) == 2 * len(runs_table.HEADS) + 5
    assert all(rf"\definecell{{ours}}{{{name}}}" in defined for name in asked)
    assert r"resnet\_a (depth 20)" in defined and r"Two\_2 &" in text
    assert "resnet_a (depth 20)" in (evidence.out / "RUNS.html").read_text()
