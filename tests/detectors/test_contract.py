"""What every method of the registry promises, whatever it computes. What each refuses is in test_refusals.py."""

import pickle
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from toys import bits, consumed, draw, fit, scores, separable, standing, take, toy_images

from ood.detectors import Attributions, Features, Images, Labelled, method, names
from ood.networks import Classifier

STD = [0.25, 0.5, 2.0]
# Another value shows only where that many iterations have not converged yet, and that many images are there.
FEWER = {"iterations": 2, "examples": 10}
every_method = pytest.mark.parametrize("name", names())
every_fitted_method = pytest.mark.parametrize("name", [name for name in names() if method(name).needs_train])


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return 2 * torch.randn(8, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def used(network) -> Classifier:
    """A copy that all methods run; a test that wants one that none has run yet copies ``network``."""
    return deepcopy(network)


@pytest.fixture(scope="module")
def attributions(used, x, given) -> Attributions:
    return given(used, x)


@pytest.fixture
def images(name, attributions, used, x):
    """What the method consumes, for eight random images."""
    return consumed(name, attributions, Images(used, x.split(3), STD))


@pytest.fixture(scope="module")
def known(attributions) -> tuple[Labelled, Labelled]:
    """The training and the test split; the former has more images than any method takes a sample of."""
    return draw(attributions.features, 1100, seed=0), draw(attributions.features, 60, seed=1)


@pytest.fixture(scope="module")
def run(known):
    """A function from a detector and images to its columns, fitted on ``known`` or other splits, or on their like."""
    return lambda detector, images, splits=known: scores(detector, images, splits)


@pytest.fixture(scope="module")
def whole(run, given):
    """A function from a network and images to a method's columns, with the extraction where the method takes its."""

    def columns(name: str, network: Classifier, x: torch.Tensor) -> dict[str, np.ndarray]:
        images = Images(network, x.split(3), STD)
        if method(name).consumes != "network":
            images = consumed(name, given(network, x), images)
        return run(method(name)(), images)

    return columns


@pytest.fixture(scope="module")
def again(used, x, whole) -> dict[str, dict[str, bytes]]:
    """The bits of every method, one after another on the same network and images, the second time round."""
    return [{name: bits(whole(name, used, x)) for name in names()} for _ in "12"][1]


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
def test_a_rerun_after_all_other_methods_gives_the_same_bits(name, network, x, whole, again):
    assert bits(whole(name, deepcopy(network), x.clone())) == again[name]


@every_method
@pytest.mark.parametrize("rows", [[5, 2, 7, 0, 6, 1, 4, 3], [4], [2, 3]], ids=["order", "alone", "pair"])
def test_a_score_depends_on_its_own_image_only(name, images, run, rows):
    every, part = run(method(name)(), images), run(method(name)(), take(images, rows))
    assert list(every) == list(part)
    for column, values in part.items():
        np.testing.assert_allclose(values, every[column][rows], rtol=1e-10, atol=1e-13, err_msg=column)


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, option) for name in names() for option in method(name).model_fields],
)
def test_every_option_matters(name, option, images, run):
    default = method(name)()
    other = method(name)(**{option: FEWER.get(option) or changed(getattr(default, option))})
    before, after = run(default, images), run(other, images)
    assert set(before) != set(after) or any(not np.allclose(before[c], after[c], rtol=1e-9, atol=0) for c in before)


@every_fitted_method
def test_a_default_learns_nothing_from_scored_images(name, attributions, images, known, run):
    """The test split, images that are scored later, is for named variants only."""
    if method(name).consumes == "features":  # more and more various ones, of which ReAct clips some
        images = draw(attributions.features, 30, seed=2).features
    tests = [draw(attributions.features, rows, seed=rows) for rows in (60, 53)]
    columns, others = (run(method(name)(), images, (known[0], test))[method(name).default] for test in tests)
    assert columns.tobytes() == others.tobytes()


@every_method
def test_one_fit_serves_all_datasets(name, images, known):
    detector = method(name)()
    fitted = fit(detector, images, known)
    before = pickle.dumps(fitted)
    first, _, again = (bits(detector.score(given, fitted)) for given in (images, take(images, [6, 1, 3]), images))
    assert first == again
    assert pickle.dumps(fitted) == before


@every_method
def test_inputs_and_the_network_are_left_alone(name, images, x, run, whole, network):
    network = deepcopy(network)
    before = bits(images), bits(x), standing(network)
    run(method(name)(), images)
    whole(name, network, x)
    assert (bits(images), bits(x), standing(network)) == before
    assert not any(module.training for module in network.modules())
    assert not any(part.requires_grad or part.grad is not None for part in (x, *network.parameters()))


@every_method
def test_a_network_that_is_not_frozen_gives_the_same_bits_or_is_refused(name, x, whole, again, network):
    """``Images`` promises a frozen one, as ood.networks.load gives. Either way no gradient is left in a parameter."""
    thawed = deepcopy(network).requires_grad_()
    before = standing(thawed)
    try:
        assert bits(whole(name, thawed, x)) == again[name]
    except RuntimeError as error:
        assert "requires grad" in str(error)
    assert standing(thawed) == before


@every_method
def test_a_pass_that_fails_leaves_nothing_behind(name, x, whole, again, network):
    """The first, the second and the last pass each fail at the network's last normalisation layer."""
    network, passes, fatal = deepcopy(network), [], 0

    def watch(module: nn.Module, inputs: tuple) -> None:
        passes.append(module)
        if len(passes) == fatal:
            raise InterruptedError

    list(network.attribution_layers().values())[-1].register_forward_pre_hook(watch)
    before = standing(network)
    whole(name, network, x)
    for fatal in sorted({1, min(2, len(passes)), len(passes)}):  # noqa: B007  (watch reads it)
        passes.clear()
        with pytest.raises(InterruptedError):
            whole(name, network, x)
        assert standing(network) == before
    fatal = 0
    assert bits(whole(name, network, x)) == again[name]


@every_method
def test_in_distribution_scores_are_higher(name, run):
    rng = np.random.default_rng(0)
    parts = separable(rng, 30, True), separable(rng, 30, False)
    train, test = (separable(rng, count, True, spread=0.1).features for count in (820, 40))
    splits = [Labelled(split, split.z.argmax(axis=1)) for split in (train, test)]
    ids, oods = (run(method(name)(), consumed(name, part, toy_images(part.features)), splits) for part in parts)
    for column in ids:
        assert ids[column].min() > oods[column].max(), column


@every_fitted_method
def test_a_class_without_images_is_no_obstacle(name, images, known, run):
    splits = [
        Labelled(take(split.features, rows), split.labels[rows]) for split in known for rows in [split.labels != 2]
    ]
    for column, values in run(method(name)(), images, splits).items():
        assert np.isfinite(values).all(), column


@every_method
@pytest.mark.parametrize("certainty", [1, 0, 1e4], ids=["bias", "uniform", "certain"])
def test_zero_features_and_gradients_have_finite_scores(name, attributions, run, certainty):
    """They are no error: an image may leave every unit silent, and then needs a rank like any other."""
    _, _, weight, bias = attributions.features
    features = Features(np.zeros((3, len(weight[0]))), np.tile(bias * certainty, (3, 1)), weight, bias)
    zeros = {key: np.zeros_like(values[:3]) for key, values in attributions.statistics.items()}
    images = consumed(name, attributions._replace(features=features, statistics=zeros), toy_images(features))
    for column, values in run(method(name)(), images).items():
        assert np.isfinite(values).all(), column
