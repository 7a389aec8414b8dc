"""The gradients of Igoe et al. against autograd through the last layer of a small network, image by image."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import softmax
from torch import nn

from ood.detectors import Features, Labelled, method
from ood.detectors.gaia_a import output_component
from ood.detectors.gradients import s1
from ood.evaluation.metrics import Ranking, auroc

close = pytest.approx
both = pytest.mark.parametrize("relu", [True, False], ids=["relu", "linear"])
batches = pytest.mark.parametrize("rows", [1, 7])


def last_layer(rows: int, relu: bool, seed: int = 0) -> tuple[nn.Sequential, torch.Tensor, Features]:
    """A random network with five outputs, inputs for it, and what extraction keeps of them; all in float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = nn.Sequential(nn.Linear(4, 11), nn.ReLU() if relu else nn.Identity(), nn.Linear(11, 5)).double()
        torch.manual_seed(seed)
        x = 3 * torch.randn(rows, 4, dtype=torch.float64)
    h = net[:2](x)
    weight, bias = (part.detach().numpy() for part in net[2].parameters())
    return net, x, Features(h.detach().numpy(), net(x).detach().numpy(), weight, bias)


def gradients(net: nn.Sequential, x: torch.Tensor, objective) -> torch.Tensor:
    """Of objective(log p of one image), for the last layer: (C, D + 1), the last column the bias's."""
    of_weight, of_bias = torch.autograd.grad(objective(F.log_softmax(net(x[None])[0], 0)), list(net[2].parameters()))
    return torch.cat([of_weight, of_bias[:, None]], 1)


def per_class(net: nn.Sequential, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """p, log p (C,) and the gradients of each log p_y (C, C, D + 1)."""
    log_p = F.log_softmax(net(x), 0).detach()
    return log_p.exp(), log_p, torch.stack([gradients(net, x, lambda log_p, y=y: log_p[y]) for y in range(5)])


@both
@batches
def test_the_output_part_of_gaia(rows, relu):
    """The gradient of sum_y log p_y for the features, where GAIA's supplement has it for the last map (Eq. 7)."""
    net, x, features = last_layer(rows, relu)
    h = net[:2](x).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(F.log_softmax(net[2](h), 1).sum(), h)
    assert output_component(features) == close(gradient.abs().mean(1).numpy(), rel=1e-10)


@both
@batches
def test_every_score_equals_autograd(rows, relu):
    net, x, features = last_layer(rows, relu)
    columns = {
        **method("gradients")().score(features, None),
        **{f"S4 {name}": values for name, values in method("gradnorm")().score(features, None).items()},
        **{f"S7 {name}": values for name, values in method("exgrad")().score(features, None).items()},
    }
    assert len(columns) == 12
    for row, image in enumerate(x):
        p, log_p, g = per_class(net, image)
        mean = gradients(net, image, lambda log_p: log_p.mean())
        for name, cut in {"weight": 11, "weight_and_bias": 12}.items():
            l1, l2 = g[..., :cut].abs().sum((1, 2)), g[..., :cut].square().sum((1, 2))
            exact = {
                "S2": l1.mean(),
                "S3": l2.mean(),
                "S4": mean[:, :cut].abs().sum(),
                "S5": -(p * (log_p / p) * l2).sum(),
                "S6": -(p * l2).sum(),
                "S7": -(p * l1).sum(),
            }
            for score, value in exact.items():
                assert columns[f"{score} {name}"][row] == close(float(value), rel=1e-11), (score, name)


def test_s5_is_finite_where_a_probability_is_zero():
    z = np.array([[0.0, 2000.0, -500.0]])
    columns = method("gradients")().score(Features(np.ones((1, 2)), z, np.zeros((3, 2)), np.zeros(3)), None)
    assert columns["S5 weight"] == close(2 * (2000 * 2 + 2500 * 2))  # ||h||^2 sum |log p_y| ||e_y - p||^2


@both
def test_s1_is_zero_and_its_ranking_is_rounding(relu):
    net, x, features = last_layer(40, relu)
    for image in x:
        p, _, g = per_class(net, image)
        assert float((p[:, None, None] * g).sum(0).square().sum()) < 1e-28 * float(g[0].square().sum())
        assert float(g[0].square().sum()) > 1e-3
        expected = gradients(net, image, lambda log_p: log_p.exp().sum())  # sum_y p_y grad log p_y = grad 1
        assert expected.abs().max() < 1e-14
    single, double = s1(features, np.float32), s1(features)
    assert double.max() < 1e-26 and single.max() < 1e-9
    areas = [float(auroc(Ranking(v[:20], v[20:]).counts(np.ones(20), np.ones(20)))) for v in (single, double)]
    assert areas[0] != areas[1]


def test_zero_features_and_uniform_predictions():
    flat = Features(np.zeros((1, 3)), np.zeros((1, 4)), np.ones((4, 3)), np.zeros(4))
    columns = method("gradients")().score(flat, None)
    assert all(columns[f"{name} weight"] == 0 for name in ("S2", "S3", "S5", "S6"))
    exact = {"S2": 1.5, "S3": 0.75, "S5": 4 * math.log(4) * 0.75, "S6": -0.75}  # the bias's gradient alone
    assert {name: float(columns[f"{name} weight_and_bias"][0]) for name in exact} == close(exact, rel=1e-14)
    assert s1(flat) == 0


@both
@batches
def test_batchgrad_equals_autograd(rows, relu):
    net, x, features = last_layer(rows, relu)
    splits, inputs = [], []
    for seed in (1, 2):
        _, known, of_known = last_layer(30, relu, seed)
        splits.append(Labelled(of_known, np.arange(30)[::-1] % 5))
        inputs.append(known)
    batchgrad = method("batchgrad")(draws=2, seed=5)
    columns = batchgrad.score(features, batchgrad.fit(*splits))
    rng = np.random.default_rng(5)
    orders = {"train draw=1": rng.permutation(30), "train draw=2": rng.permutation(30)}
    firsts = {
        name: [next(row for row in order if row % 5 == 4 - i) for i in range(5)] for name, order in orders.items()
    }
    chosen = {"train": (0, range(4, -1, -1)), "test": (1, range(4, -1, -1)), "test without=0": (1, range(3, -1, -1))}
    chosen |= {name: (0, first) for name, first in firsts.items()}
    assert set(columns) == {*chosen, "train weight", "test weight"}
    for name, (split, images) in chosen.items():
        labelled = [(inputs[split][row], int(splits[split].labels[row])) for row in images]
        assert len({label for _, label in labelled}) == len(labelled) == 5 - ("without" in name)
        m = sum(gradients(net, image, lambda log_p, y=y: log_p[y]) for image, y in labelled)
        for row, image in enumerate(x):
            p, _, g = per_class(net, image)
            norms = (g + m).abs()
            assert columns[name][row] == close(-float((p * norms.sum((1, 2))).sum()), rel=1e-11), name
            if name in ("train", "test"):
                weight = -float((p * norms[..., :-1].sum((1, 2))).sum())
                assert columns[f"{name} weight"][row] == close(weight, rel=1e-11)


def test_batchgrad_of_many_images_is_that_of_few(toy, known, monkeypatch):
    monkeypatch.setattr("ood.detectors.batchgrad.BLOCK", 300)  # less than they have features
    features, fitted = toy(150), method("batchgrad")().fit(known(1), known(2))
    for row in range(0, 150, 7):
        alone = Features(features.h[[row]], features.z[[row]], *features[2:])
        for name, value in method("batchgrad")().score(alone, fitted).items():
            assert method("batchgrad")().score(features, fitted)[name][row] == close(value[0], rel=1e-12)


def test_batchgrad_is_least_doubtful_for_certain_images(known):
    """E_Y[g_Y] = 0, so S >= ||M||_1, with equality where the prediction is certain."""
    train = known(1)
    batchgrad = method("batchgrad")()
    fitted = batchgrad.fit(train, known(2))
    h = np.ones((2, 12))
    certain = Features(h, np.array([[900.0, 0, 0, 0, 0], [1, 0, 0, 0, 0]]), *train.features[2:])
    values = batchgrad.score(certain, fitted)["train"]
    assert values[0] == close(-np.abs(fitted["train"]).sum(), rel=1e-12) and values[1] < values[0]


def test_a_class_without_an_image_has_no_term(known):
    train, test = known(1), known(2)
    rows = train.labels != 3
    fewer = Labelled(Features(train.features.h[rows], train.features.z[rows], *train.features[2:]), train.labels[rows])
    (missing,) = np.flatnonzero(train.labels == 3)[:1]
    h, p = np.append(train.features.h[missing], 1), softmax(train.features.z[missing])
    term = np.outer(np.eye(5)[3] - p, h)
    whole, part = (method("batchgrad")().fit(split, test)["train"] for split in (train, fewer))
    np.testing.assert_allclose(whole - part, term, atol=1e-14)
