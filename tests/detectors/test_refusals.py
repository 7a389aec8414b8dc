"""What every method of the registry refuses: arrays and images that do not fit, networks that lack what it reads."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from safetensors.numpy import save_file
from toys import scores

from ood.detectors import Images, LabelledImages, method, names
from ood.errors import Problem
from ood.evaluation.score import score

EXTRACTED = [name for name in names() if method(name).consumes != "network"]
ATTRIBUTED = [name for name in names() if method(name).consumes == "attributions"]
PASSES = [name for name in names() if method(name).consumes != "features"]  # its own, or the extraction's


@pytest.fixture
def step(network, x, given, tmp_path):
    """The step that scores a method, with five images as the training split and again as the test split, from files
    of which each array is what ``damage`` makes of its name and values."""
    attributions = given(network, x)
    h, z, weight, bias = attributions.features
    split = {"features": np.tile(h, (2, 1)), "logits": np.tile(z, (2, 1)), "weight": weight, "bias": bias}
    statistics = {"channels": attributions.channels, **attributions.statistics}
    index, features, found = (tmp_path / f"id.{kind}" for kind in ("parquet", "safetensors", "statistics"))
    pd.DataFrame({"split": 5 * ["train"] + 5 * ["test"], "label": np.tile(z.argmax(1), 2)}).to_parquet(index)

    def scored(name: str, damage, layers: tuple[str, ...] = attributions.layers) -> None:
        about = {"layers": layers, "late": (), "final": (), "blocks": ()}
        for path, arrays in ((features, split), (found, statistics)):
            arrays = {key: np.ascontiguousarray(damage(key, values)) for key, values in arrays.items()}
            save_file(arrays, path, metadata={"ood": json.dumps(about)})
        spec = {"detector": name, "options": {}, "datasets": ["id"]}
        score([index], [features], [found], [], [], tmp_path / "scores.parquet", spec)

    return scored


@pytest.mark.parametrize("name", names())
def test_an_unknown_option_is_refused(name):
    with pytest.raises(ValidationError, match="no_such_option"):
        method(name)(no_such_option=1)


@pytest.mark.parametrize("name", EXTRACTED)
@pytest.mark.parametrize("wrong", ["features", "logits", "weight", "bias"])
def test_arrays_that_do_not_fit_together_are_refused(name, step, wrong):
    shapes = []

    def damage(key: str, values: np.ndarray) -> np.ndarray:
        if key != wrong:
            return values
        shapes.append(values[..., :-1].shape)
        return values[..., :-1]

    with pytest.raises(Problem, match=r"id\.safetensors: .* are expected, it has ") as problem:
        step(name, damage)
    assert f"{wrong} {shapes[0]}" in str(problem.value)


@pytest.mark.parametrize("name", EXTRACTED)
def test_features_of_no_width_are_refused(name, step):
    with pytest.raises(Problem, match=r"id\.safetensors: .* are expected, it has features \(10, 0\)"):
        step(name, lambda key, values: values[..., :0] if key in ("features", "weight") else values)


@pytest.mark.parametrize("name", EXTRACTED)
def test_a_network_whose_features_are_all_zero_is_refused(name, step):
    with pytest.raises(Problem, match=r"id\.safetensors: all features of all images are zero"):
        step(name, lambda key, values: np.zeros_like(values) if key == "features" else values)


@pytest.mark.parametrize("name", ATTRIBUTED)
@pytest.mark.parametrize("cut", [np.s_[:, :-1], np.s_[:-1]], ids=["layers", "images"])
def test_statistics_of_another_number_of_layers_or_images_are_refused(name, step, cut):
    step(name, lambda key, values: values)
    with pytest.raises(Problem, match=r"id\.statistics: images and layers, \(5, 36\), are expected, it has channels"):
        step(name, lambda key, values: values[cut] if "." in key else values)


@pytest.mark.parametrize("name", PASSES)
@pytest.mark.parametrize("channels", [1, 4])
def test_images_with_another_number_of_channels_are_refused(name, network, x, given, channels):
    split = LabelledImages(Images(network, [x, x.flip(0), x.flip(2)], [1, 1, 1]), np.arange(15) // 3)
    other = torch.cat([x, x], dim=1)[:, :channels]
    with pytest.raises(RuntimeError, match=f"to have 3 channels, but got {channels} channels"):
        if name in ATTRIBUTED:
            given(network, other)
        scores(method(name)(), Images(network, [other], [1, 1, 1]), (split, split))


@pytest.mark.parametrize("name", PASSES)
def test_a_network_without_blocks_and_normalisation_layers_is_scored_or_refused_by_name(name, seeded, step):
    x = torch.randn(3, 1, 28, 28, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    images = Images(seeded("playground_mlp"), [x], [1])
    split = LabelledImages(images, np.arange(3))
    try:
        if name in ATTRIBUTED:
            step(name, lambda key, values: values, layers=())
        for column, values in scores(method(name)(), images, (split, split)).items():
            assert values.shape == (3,) and np.isfinite(values).all(), column
    except Problem as problem:
        assert re.search(rf"a list of detectors without .*\b{name}\b", str(problem))
