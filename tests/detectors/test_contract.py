"""What every method of the registry promises, whatever it computes."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from ood.detectors import Attributions, Detector, Features, Images, method, names

STD = [0.25, 0.5, 2.0]
COSTS = {"batch"}  # options that change time and memory, not scores
every_method = pytest.mark.parametrize("name", names())


@pytest.fixture(scope="module")
def attributed(network, given) -> tuple[Attributions, torch.Tensor]:
    x = 2 * torch.randn(8, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    return given(network, x), x


@pytest.fixture
def images(name, attributed, network):
    """What the method consumes, for eight random images."""
    attributions, x = attributed
    kinds = {"features": attributions.features, "attributions": attributions, "network": Images(network, x, STD)}
    return kinds[method(name).consumes]


@pytest.fixture
def run(attributed):
    """A function from a detector and images to its columns."""

    def columns(detector: Detector, images: Any, train: Features | None = None) -> dict[str, np.ndarray]:
        train = train or attributed[0].features
        return detector.score(images, detector.fit(train) if detector.needs_train else None)

    return columns


def take(images: Any, rows: Any) -> Any:
    """The chosen images."""
    if isinstance(images, Images):
        return images._replace(x=images.x[rows])
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
    [(name, option) for name in names() for option in method(name).model_fields if option not in COSTS],
)
def test_every_option_matters(name, option, images, run):
    default = method(name)()
    other = method(name)(**{option: changed(getattr(default, option))})
    before, after = run(default, images), run(other, images)
    assert set(before) != set(after) or any(not np.allclose(before[c], after[c], rtol=1e-9, atol=0) for c in before)


@every_method
def test_an_unknown_option_is_refused(name):
    with pytest.raises(ValidationError, match="no_such_option"):
        method(name)(no_such_option=1)


@every_method
def test_inputs_are_left_alone(name, images, run, network):
    state = {key: value.clone() for key, value in network.state_dict().items()}
    copies = [part.clone() if torch.is_tensor(part) else np.copy(part) for part in images if hasattr(part, "dtype")]
    run(method(name)(), images)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    for before, after in zip(copies, (part for part in images if hasattr(part, "dtype")), strict=True):
        assert before.tobytes() == after.tobytes() if isinstance(before, np.ndarray) else torch.equal(before, after)


def separable(rng: np.random.Generator, confident: bool) -> Attributions:
    """Class k owns four features. ID: those are large, all others 0.5, gradients small and sparse. OOD: all are
    0.1 to 0.4, gradients large and dense. Every norm, every output term and every gradient then separates."""
    classes = np.arange(30) % 5
    weight = np.repeat(np.eye(5), 4, axis=1) - 0.2
    h = np.where(weight[classes] > 0, 5.0, 0.5) if confident else rng.uniform(0.1, 0.4, size=(30, 20))
    low, high = (0, 0.3) if confident else (0.5, 1)
    kinds = ("abs_mean", "mean_abs", "density")
    statistics = {f"{v}.{kind}": rng.uniform(low, high, (30, 2)) for v in ("top1", "inner", "direct") for kind in kinds}
    features = Features(h, h @ weight.T, weight, np.zeros(5))
    return Attributions(features, ("layer3.0.bn1", "layer4.0.bn1"), (), np.array([4, 8]), statistics)


@every_method
def test_in_distribution_scores_are_higher(name, run):
    rng = np.random.default_rng(0)
    parts = separable(rng, True), separable(rng, False)
    consumed = {"features": lambda part: part.features, "attributions": lambda part: part}
    linear = nn.Sequential(nn.Flatten(), nn.Linear(20, 5)).double().requires_grad_(False)
    linear[1].weight[:], linear[1].bias[:] = torch.from_numpy(parts[0].features.weight), 0
    consumed["network"] = lambda part: Images(linear, torch.from_numpy(part.features.h)[:, None, None], [0.5])
    ids, oods = (run(method(name)(), consumed[method(name).consumes](part), parts[0].features) for part in parts)
    for column in ids:
        assert ids[column].min() > oods[column].max(), column


@every_method
def test_zero_features_and_gradients_have_finite_scores(name, attributed, run):
    attributions, x = attributed
    _, _, weight, bias = attributions.features
    features = Features(np.zeros((3, len(weight[0]))), np.tile(bias, (3, 1)), weight, bias)
    zeros = {key: np.zeros_like(values[:3]) for key, values in attributions.statistics.items()}
    constant = nn.Sequential(nn.Flatten(), nn.Linear(4, 5)).double().requires_grad_(False)
    constant[1].weight[:] = 0
    kinds = {
        "features": features,
        "attributions": attributions._replace(features=features, statistics=zeros),
        "network": Images(constant, torch.zeros(3, 1, 2, 2, dtype=torch.float64), [0.5]),
    }
    for column, values in run(method(name)(), kinds[method(name).consumes]).items():
        assert np.isfinite(values).all(), column
