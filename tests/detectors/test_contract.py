"""What every method of the registry promises, whatever it computes."""

import re
from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from safetensors.numpy import save_file
from torch import nn

from ood.detectors import Attributions, Detector, Features, Images, Labelled, LabelledImages, method, names
from ood.errors import Problem
from ood.networks import Classifier
from ood.score import score

STD = [0.25, 0.5, 2.0]
# Another value shows only where that many iterations have not converged yet, and that many images are there.
FEWER = {"iterations": 2, "examples": 20}
every_method = pytest.mark.parametrize("name", names())


@pytest.fixture(scope="module")
def attributed(network, given) -> tuple[Attributions, torch.Tensor]:
    x = 2 * torch.randn(8, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    return given(network, x), x


@pytest.fixture
def images(name, attributed, network):
    """What the method consumes, for eight random images."""
    attributions, x = attributed
    kinds = {
        "features": attributions.features,
        "attributions": attributions,
        "network": Images(network, x.split(3), STD),
    }
    return kinds[method(name).consumes]


def draw(features: Features, count: int, seed: int) -> Labelled:
    """A split of features spread around the given ones; a tenth of its labels are not what the network says."""
    rng = np.random.default_rng(seed)
    _, _, weight, bias = features
    h = features.h[rng.integers(len(features.h), size=count)] * rng.lognormal(sigma=0.5, size=(count, weight.shape[1]))
    z = h @ weight.T + bias
    labels = np.where(rng.random(count) < 0.1, rng.integers(len(bias), size=count), z.argmax(axis=1))
    return Labelled(Features(h, z, weight, bias), labels)


@pytest.fixture(scope="module")
def known(attributed) -> tuple[Labelled, Labelled]:
    """The training and the test split; the former has more images than any method takes a sample of."""
    return draw(attributed[0].features, 1100, seed=0), draw(attributed[0].features, 60, seed=1)


@pytest.fixture
def run(known, network):
    """A function from a detector and images to its columns, fitted on ``known`` or other splits, or on their like."""

    def columns(detector: Detector, images: Any, splits: tuple | None = None) -> dict[str, np.ndarray]:
        splits = splits or known
        if not detector.needs_train:
            return detector.score(images, None)
        if isinstance(images, Images):
            splits = [labelled_images(split, network, images) for split in splits]
        return detector.score(images, detector.fit(*splits))

    return columns


def labelled_images(split: Labelled, network: Classifier, images: Images) -> LabelledImages:
    """A split for a method that consumes the network: the toy's has its features, ResNet34's 60 random images."""
    if isinstance(images.network, Toy):
        return LabelledImages(toy_images(split.features), split.labels)
    x = 2 * torch.randn(60, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(len(split.labels)))
    return LabelledImages(Images(network, x.split(25), STD), split.labels[:60])


def take(images: Any, rows: Any) -> Any:
    """The chosen images."""
    if isinstance(images, Images):
        return images._replace(batches=torch.cat(images.batches)[rows].split(3))
    if isinstance(images, Features):
        return images._replace(h=images.h[rows], z=images.z[rows])
    statistics = {name: values[rows] for name, values in images.statistics.items()}
    return images._replace(features=take(images.features, rows), statistics=statistics)


def changed(value: Any) -> Any:
    """Another value that an option with this default allows; None stands for the network's own late layers."""
    if value is None:
        return ("layer4.",)
    if isinstance(value, tuple):
        return value[1:] if isinstance(value[0], str) else tuple(changed(part) for part in value)
    return not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else 0.7 * value + 0.001


class Toy(Classifier):
    """Its input is its feature map, and the output of both of its blocks."""

    def __init__(self, features: Features):
        super().__init__()
        self.middle, self.end = nn.Identity(), nn.Identity()
        self.head = nn.Linear(*features.weight.shape[::-1]).double().requires_grad_(False)
        self.head.weight[:], self.head.bias[:] = map(torch.from_numpy, features[2:])

    def blocks(self) -> dict[str, nn.Module]:
        return {"middle": self.middle, "end": self.end}

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.end(self.middle(x)).mean((2, 3))


def toy_images(features: Features) -> Images:
    """A map of two positions for each h: one holds twice its even components, the other twice its odd ones."""
    h = torch.from_numpy(features.h)
    even = torch.arange(h.shape[1]) % 2 == 0
    maps = 2 * torch.stack([h * even, h * ~even], dim=2)[..., None]
    return Images(Toy(features).eval(), maps.split(7), [0.5] * h.shape[1])


@every_method
def test_columns_are_finite_and_hold_the_default(name, images, run):
    columns = run(method(name)(), images)
    assert method(name).default in columns
    for column, values in columns.items():
        assert values.shape == (8,) and values.dtype == np.float64 and np.isfinite(values).all(), column


@every_method
def test_a_rerun_gives_the_same_bits(name, images, run):
    first, second = ({key: values.tobytes() for key, values in run(method(name)(), images).items()} for _ in "12")
    assert first == second


@every_method
@pytest.mark.parametrize("rows", [[5, 2, 7, 0, 6, 1, 4, 3], [4], [2, 3]], ids=["order", "alone", "pair"])
def test_a_score_depends_on_its_own_image_only(name, images, run, rows):
    whole, part = run(method(name)(), images), run(method(name)(), take(images, rows))
    assert list(whole) == list(part)
    for column, values in part.items():
        np.testing.assert_allclose(values, whole[column][rows], rtol=1e-10, atol=1e-13, err_msg=column)


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, option) for name in names() for option in method(name).model_fields],
)
def test_every_option_matters(name, option, images, run):
    default = method(name)()
    other = method(name)(**{option: FEWER.get(option) or changed(getattr(default, option))})
    before, after = run(default, images), run(other, images)
    assert set(before) != set(after) or any(not np.allclose(before[c], after[c], rtol=1e-9, atol=0) for c in before)


@every_method
def test_an_unknown_option_is_refused(name):
    with pytest.raises(ValidationError, match="no_such_option"):
        method(name)(no_such_option=1)


@every_method
def test_inputs_are_left_alone(name, images, run, network):
    state = {key: value.clone() for key, value in network.state_dict().items()}
    given = images.batches if isinstance(images, Images) else [part for part in images if hasattr(part, "dtype")]
    copies = deepcopy(given)
    run(method(name)(), images)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert not any(module._forward_hooks or module._backward_hooks for module in network.modules())
    assert not network.training and not any(
        value.requires_grad for value in (*network.parameters(), *map(torch.as_tensor, given))
    )
    for before, after in zip(copies, given, strict=True):
        assert torch.equal(torch.as_tensor(before), torch.as_tensor(after))


FEATURES = [name for name in names() if method(name).consumes == "features"]
FITTED = [name for name in FEATURES if method(name).needs_train]


def separable(rng: np.random.Generator, count: int, confident: bool, spread: float = 0) -> Attributions:
    """Each of four classes owns five features. ID: those are large, all others 0.5, gradients small and sparse. OOD:
    all are 0.1 to 0.4, gradients large and dense. Every norm, output term, distance and gradient then separates."""
    weight = np.repeat(np.eye(4), 5, axis=1) - 0.25
    own = weight[np.arange(count) % 4] > 0
    h = np.where(own, 5.0, 0.5) + spread * rng.random((count, 20)) if confident else rng.uniform(0.1, 0.4, (count, 20))
    low, high = (0, 0.3) if confident else (0.5, 1)
    kinds = ("abs_mean", "mean_abs", "density")
    statistics = {
        f"{v}.{kind}": rng.uniform(low, high, (count, 2)) for v in ("top1", "inner", "direct") for kind in kinds
    } | {"active.density": rng.uniform(low, high, (count, 2))}
    features = Features(h, h @ weight.T, weight, np.zeros(4))
    return Attributions(features, ("layer3.0.bn1", "layer4.0.bn1"), (), np.array([4, 8]), statistics)


@every_method
def test_in_distribution_scores_are_higher(name, run):
    rng = np.random.default_rng(0)
    parts = separable(rng, 30, True), separable(rng, 30, False)
    train, test = (separable(rng, count, True, spread=0.1).features for count in (820, 40))
    splits = [Labelled(split, split.z.argmax(axis=1)) for split in (train, test)]
    consumed = {"features": lambda part: part.features, "attributions": lambda part: part}
    consumed["network"] = lambda part: toy_images(part.features)
    ids, oods = (run(method(name)(), consumed[method(name).consumes](part), splits) for part in parts)
    for column in ids:
        assert ids[column].min() > oods[column].max(), column


@pytest.mark.parametrize("name", FITTED)
def test_a_class_without_images_is_no_obstacle(name, attributed, known, run):
    splits = [
        Labelled(take(split.features, rows), split.labels[rows]) for split in known for rows in [split.labels != 2]
    ]
    for column, values in run(method(name)(), attributed[0].features, splits).items():
        assert np.isfinite(values).all(), column


@pytest.mark.parametrize("name", FITTED)
def test_fitting_leaves_the_splits_alone(name, known):
    parts = [part for split in known for part in (*split.features, split.labels)]
    before = [part.tobytes() for part in parts]
    method(name)().fit(*known)
    assert before == [part.tobytes() for part in parts]


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("wrong", ["features", "logits", "weight", "bias"])
def test_arrays_that_do_not_fit_together_are_refused(name, known, tmp_path, wrong):
    split = known[1].features
    arrays = dict(zip(("features", "logits", "weight", "bias"), split, strict=True))
    arrays[wrong] = arrays[wrong][..., :-1].copy()
    save_file(arrays, tmp_path / "id.safetensors")
    pd.DataFrame({"split": ["train", "test"] * 30, "label": known[1].labels}).to_parquet(tmp_path / "id.parquet")
    spec = {"detector": name, "options": {}, "datasets": ["id"]}
    with pytest.raises(Problem, match=rf"id\.safetensors: .* it has .*{re.escape(f'{wrong} {arrays[wrong].shape}')}"):
        score([tmp_path / "id.parquet"], [tmp_path / "id.safetensors"], [], [], [], tmp_path / "scores.parquet", spec)


@every_method
@pytest.mark.parametrize("certainty", [1, 0, 1e4], ids=["bias", "uniform", "certain"])
def test_zero_features_and_gradients_have_finite_scores(name, attributed, run, certainty):
    attributions, x = attributed
    _, _, weight, bias = attributions.features
    features = Features(np.zeros((3, len(weight[0]))), np.tile(bias * certainty, (3, 1)), weight, bias)
    zeros = {key: np.zeros_like(values[:3]) for key, values in attributions.statistics.items()}
    kinds = {
        "features": features,
        "attributions": attributions._replace(features=features, statistics=zeros),
        "network": toy_images(features),
    }
    for column, values in run(method(name)(), kinds[method(name).consumes]).items():
        assert np.isfinite(values).all(), column
