"""Closed forms of the feature detectors against autograd through the head and against torch's own functions."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ood.detectors import Features, method

close = pytest.approx
CLIPS = {"0.1": 0.1, "0.3": 0.3, "0.5": 0.5, "0.7": 0.7, "1": 1, "2": 2, "3": 3, "5": 5, "inf": math.inf}
TEMPERATURES = (0.5, 1, 2, 4, 8, 16, 32, 64)
ORDERS = ["0", "0.1", "0.3", "0.5", "0.8", "1", "2", "3", "4", "5", "6", "inf"]


def score(name: str, features: Features, fitted=None, **options) -> dict[str, np.ndarray]:
    return method(name)(**options).score(features, fitted)


def tensors(features: Features) -> list[torch.Tensor]:
    return [torch.from_numpy(part) for part in features]


def gradient_norms(features: Features, row: int, objective) -> tuple[float, float]:
    """L1 norms of the gradient of objective(logits of one image) for the head's weight, and for its weight and bias."""
    h, _, weight, bias = tensors(features)
    head = [weight.clone().requires_grad_(), bias.clone().requires_grad_()]
    of_weight, of_bias = torch.autograd.grad(objective(F.linear(h[row], *head)), head)
    return float(of_weight.abs().sum()), float(of_weight.abs().sum() + of_bias.abs().sum())


def divergence_from_uniform(z: torch.Tensor) -> torch.Tensor:
    uniform = torch.distributions.Categorical(probs=torch.ones_like(z))
    return torch.distributions.kl_divergence(uniform, torch.distributions.Categorical(logits=z))


@pytest.mark.parametrize("temperature", [1.0, 0.5, 7.0])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("rows", [1, 8])
def test_gradnorm_is_the_gradient_of_the_divergence(toy, rows, signed, temperature):
    features = toy(rows, signed)
    columns = score("gradnorm", features, temperature=temperature)
    for row in range(rows):
        exact = gradient_norms(features, row, lambda z: divergence_from_uniform(z / temperature))
        assert (columns["weight"][row], columns["weight_and_bias"][row]) == close(exact, rel=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_released_gradnorm_is_c_times_ours(toy, temperature):
    features = toy(6)
    columns = score("gradnorm", features, temperature=temperature)
    for row in range(6):  # all-ones targets: sum_k -log p_k
        released, _ = gradient_norms(features, row, lambda z: -F.log_softmax(z / temperature, dim=0).sum())
        assert released == close(5 * columns["weight"][row], rel=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 7.0])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("rows", [1, 8])
def test_exgrad_is_the_expected_gradient_norm(toy, rows, signed, temperature):
    features = toy(rows, signed)
    columns = score("exgrad", features, temperature=temperature)
    for row in range(rows):
        p = F.softmax(tensors(features)[1][row] / temperature, dim=0)
        norms = [
            gradient_norms(features, row, lambda z, y=y: F.log_softmax(z / temperature, dim=0)[y]) for y in range(5)
        ]
        exact = [-sum(float(p[y]) * norms[y][kind] for y in range(5)) for kind in (0, 1)]
        assert (columns["weight"][row], columns["weight_and_bias"][row]) == close(tuple(exact), rel=1e-12)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("rows", [1, 8])
def test_scores_of_the_logits(toy, rows, signed):
    features = toy(rows, signed)
    z = tensors(features)[1]
    assert score("msp", features)["msp"] == close(torch.softmax(z, 1).amax(1).numpy(), rel=1e-12)
    assert score("maxlogit", features)["maxlogit"].tolist() == z.amax(1).tolist()
    for temperature in (1.0, 0.5, 100.0):
        exact = temperature * torch.logsumexp(z / temperature, 1)
        assert score("energy", features, temperature=temperature)["energy"] == close(exact.numpy(), rel=1e-12)


def test_extreme_logits_neither_overflow_nor_tie():
    z = np.array([[20.0, 0, 0], [21.0, 0, 0], [9000.0, 8999, -9000], [-9000.0, -9000, -9000]])
    features = Features(np.ones((4, 2)), z, np.zeros((3, 2)), np.zeros(3))
    assert F.softmax(torch.tensor(z[:2], dtype=torch.float32), 1).amax(1).tolist() == [1, 1]
    msp = score("msp", features)["msp"]
    assert msp[0] < msp[1] < 1
    assert msp[2:] == close([1 / (1 + math.exp(-1)), 1 / 3], rel=1e-12)
    energy = [9000 + math.log(1 + math.exp(-1)), -9000 + math.log(3)]
    assert score("energy", features)["energy"][2:] == close(energy, rel=1e-12)


@pytest.mark.parametrize("signed", [False, True])
def test_rg(toy, signed):
    features = toy(8, signed)
    h, z, *_ = tensors(features)
    exact = {f"k={k} T=1": torch.logsumexp(z, 1) * torch.clamp(h, max=CLIPS[k]).sum(1) for k in CLIPS}
    for t in TEMPERATURES:
        exact[f"k=1 T={t}"] = t * torch.logsumexp(z / t, 1) * torch.clamp(h, max=1).sum(1)
    if not signed:  # without a ceiling: Igoe's norm times energy
        exact["k=inf T=1"] = torch.linalg.vector_norm(h, 1, dim=1) * torch.logsumexp(z, 1)
    columns = score("rg", features, 0.0, ratios=())
    f = torch.clamp(h, max=1).sum(1)
    exact["U=clip V=1"] = f
    exact["U=clip V=tv"] = f * (torch.softmax(z, 1) - 1 / 5).abs().sum(1) / 2
    exact["additive alpha=1"] = torch.logsumexp(z, 1) + f
    exact["U=smooth V=energy"] = torch.logsumexp(z, 1) * sum(1 - torch.exp(-(part**2)) for part in h.T)
    of_weight = [gradient_norms(features, row, lambda z: z.exp().sum())[0] for row in range(8)]
    exact["exp gradient"] = torch.tensor(of_weight, dtype=torch.float64).log()
    assert set(columns) == set(exact) and len(columns) == 21
    for name, values in exact.items():
        assert columns[name] == close(values.numpy(), rel=1e-12), name


def test_rg_at_high_temperature_ranks_by_the_clipped_sum(toy):
    features = toy(30)
    hot = score("rg", features, 0.0, temperatures=(1e7,))["k=1 T=1e+07"]
    assert np.argsort(hot).tolist() == np.argsort(np.clip(features.h, None, 1).sum(1)).tolist()
    assert np.argsort(hot).tolist() != np.argsort(score("rg", features, 0.0)["k=1 T=1"]).tolist()


@pytest.mark.parametrize("signed", [False, True])
def test_encoding_output(toy, signed):
    features = toy(8, signed)
    h, z, *_ = tensors(features)
    p = torch.softmax(z, 1)
    outputs = {
        "energy": torch.logsumexp(z, 1),
        "tv": (p - 1 / 5).abs().sum(1) / 2,
        "msp": p.amax(1),
        "varsum": p.square().sum(1),  # 1 - sum p (1 - p), as sum p = 1
        "varsum_mean": 1 - (1 - p.square().sum(1)) / 5,
    }
    norms = {"1": torch.ones(8)} | {f"norm{p}": torch.linalg.vector_norm(h, float(p), dim=1) for p in ORDERS}
    columns = score("encoding_output", features)
    assert set(columns) == {f"U={u} V={v}" for u in norms for v in outputs} and len(columns) == 65
    for u, norm in norms.items():
        for v, output in outputs.items():
            assert columns[f"U={u} V={v}"] == close((norm * output).numpy(), rel=1e-11), (u, v)
