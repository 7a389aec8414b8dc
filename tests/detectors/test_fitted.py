"""Detectors that learn from the in-distribution set, against slow definitions and other libraries."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import log_softmax
from scipy.stats import entropy
from sklearn.covariance import EmpiricalCovariance

from ood.detectors import Features, Labelled, method
from ood.errors import Problem

close = pytest.approx


def fitted(name: str, features: Features, train: Labelled, test: Labelled, **options) -> dict[str, np.ndarray]:
    detector = method(name)(**options)
    return detector.score(features, detector.fit(train, test))


@pytest.mark.parametrize(("percentile", "constant"), [(90.0, 1.0), (35.0, 0.2)])
@pytest.mark.parametrize("signed", [False, True])
def test_react(toy, known, signed, percentile, constant):
    features, train, test = toy(8, signed), known(1), known(2, rows=2100)
    columns = fitted("react", features, train, test, percentile=percentile, fixed=constant)
    h, _, weight, bias = map(torch.from_numpy, features)
    rules = {"fixed": constant, "rankfeat": 1.25}
    for name, seen in {"train": train.features.h, "test": test.features.h[:2000]}.items():
        rules[f"{name}_percentile"] = torch.from_numpy(seen).flatten().quantile(percentile / 100).item()
    assert set(columns) == set(rules)
    for name, ceiling in rules.items():
        exact = torch.logsumexp(F.linear(torch.clamp(h, max=ceiling), weight, bias), 1)
        assert columns[name] == close(exact.numpy(), rel=1e-12), name


@pytest.mark.parametrize(("rows", "sample"), [(60, 1000), (60, 20)])
def test_rg_adds_terms_of_equal_spread(toy, known, rows, sample):
    features, train = toy(8), known(1, rows)
    columns = fitted("rg", features, train, train, sample=sample, seed=3)
    drawn = np.random.default_rng(3).permutation(rows)[:sample]
    h, z = (torch.from_numpy(part[drawn]) for part in train.features[:2])
    alpha = float(torch.logsumexp(z, 1).std(correction=0) / h.clamp(max=1).sum(1).std(correction=0))
    e, f = torch.logsumexp(torch.from_numpy(features.z), 1), torch.from_numpy(features.h).clamp(max=1).sum(1)
    for ratio in ("0.3", "0.4", "0.5", "0.6", "0.8", "1", "1.2"):
        exact = (e + float(ratio) * alpha * f).numpy()
        assert columns.pop(f"additive alpha={ratio}*alpha_s") == close(exact, rel=1e-12)
    assert [column for column in columns if "alpha" in column] == ["additive alpha=1"]


def test_rg_without_spread_is_refused(known):
    train = known(1)
    flat = Labelled(train.features._replace(h=np.full((60, 12), 2.0)), train.labels)
    with pytest.raises(Problem, match="the same for 60 training images"):
        method("rg")().fit(flat, flat)


def test_rg_rows_of_table_2_are_columns_of_the_detectors_it_names(toy, known):
    features, train = toy(8), known(1)
    columns = fitted("rg", features, train, train)
    gradnorm, energy = (method(name)().score(features, None) for name in ("gradnorm", "energy"))
    unclipped = features.h.sum(1)
    assert gradnorm["weight"] == close(2 * columns["U=clip V=tv"] / columns["U=clip V=1"] * unclipped)
    assert columns["k=inf T=1"] == close(energy["energy"] * unclipped)
    assert columns["k=1 T=1"] == close(energy["energy"] * columns["U=clip V=1"])


@pytest.mark.parametrize("rows", [60, 2000])
def test_knn(toy, known, rows):
    features, train = toy(8), known(1, rows)
    features.h[:4] *= 0.01  # length does not matter
    columns = fitted("knn", features, train, train, neighbours=(1, 7, 60, 2001))
    assert set(columns) == {"k=1", "k=7", "k=50", "k=60"}
    for row, h in enumerate(features.h):
        distances = sorted(
            np.sum((h / np.sqrt(h @ h) - other / np.sqrt(other @ other)) ** 2) for other in train.features.h
        )
        for k in (1, 7, 50, 60):
            assert columns[f"k={k}"][row] == close(-distances[k - 1], rel=1e-10)


def test_knn_of_a_zero_feature_and_of_too_few(toy, known):
    train = known(1)
    zero = Features(np.zeros((2, 12)), *toy(2)[1:])
    assert fitted("knn", zero, train, train)["k=50"] == close([-1, -1])
    with pytest.raises(Problem, match="40 training images, at least 50"):
        method("knn")().fit(known(1, rows=40), train)


def test_kl_matching(toy, known):
    features, train, test = toy(8), known(1), known(2)
    columns = fitted("kl_matching", features, train, test)
    predicted = train.features.z.argmax(axis=1)
    chosen = {"train_predicted": (train.features.z, predicted), "test_labels": (test.features.z, test.labels)}
    assert set(columns) == {*chosen, "one_hot", "own_class"} and (predicted != train.labels).any()
    p = np.exp(log_softmax(features.z, axis=1))
    for name, (z, classes) in chosen.items():
        means = {c: np.exp(log_softmax(z[classes == c], axis=1)).mean(axis=0) for c in set(classes)}
        exact = [-min(entropy(one, mean) for mean in means.values()) for one in p]
        assert columns[name] == close(exact, rel=1e-10), name
    complete = [np.maximum(np.eye(5)[c], 1e-12) for c in range(5)]  # of a class that is never predicted
    for c in set(predicted):
        complete[c] = np.exp(log_softmax(train.features.z[predicted == c], axis=1)).mean(axis=0)
    assert 1 < len(set(predicted)) < 5
    assert columns["one_hot"] == close([-min(entropy(one, mean) for mean in complete) for one in p], abs=1e-10)
    assert columns["own_class"] == close([-entropy(one, complete[one.argmax()]) for one in p], abs=1e-10)
    assert len({tuple(columns[name]) for name in ("train_predicted", "one_hot", "own_class")}) == 3


def test_kl_matching_of_probabilities_that_are_zero():
    def features(*z):
        return Features(np.ones((len(z), 2)), 1e4 * np.array(z, float), np.zeros((3, 2)), np.zeros(3))

    train = Labelled(features([1, 0, 0], [1, 0, 0], [0, 1, 0]), np.array([0, 0, 1]))
    columns = fitted("kl_matching", features([0, 1, 0], [0, 0, 1]), train, train)
    assert columns["train_predicted"] == close([0, np.log(1e-12)])  # the last class has no template: the floor
    assert columns["one_hot"] == close([0, 0]) and columns["own_class"] == close([0, 0])


@pytest.mark.parametrize("dead", [False, True], ids=["regular", "singular"])
def test_mahalanobis(toy, known, dead):
    features, train = toy(8), known(1)
    if dead:  # a feature that is never active in training, and a copy of another
        train.features.h[:, 4], train.features.h[:, 5] = 0, train.features.h[:, 6]
    column = fitted("mahalanobis", features, train, train)["penultimate"]
    means = {c: train.features.h[train.labels == c].mean(axis=0) for c in range(5)}
    centred = np.stack([h - means[c] for h, c in zip(train.features.h, train.labels, strict=True)])
    precision = EmpiricalCovariance(assume_centered=True).fit(centred).precision_
    assert np.linalg.matrix_rank(precision) == (10 if dead else 12)
    exact = [max(-0.5 * (h - mean) @ precision @ (h - mean) for mean in means.values()) for h in features.h]
    assert column == close(exact, rel=1e-8)


def test_mahalanobis_without_variance_is_refused(known):
    train = known(1)
    flat = Labelled(train.features._replace(h=np.eye(5, 12)[train.labels]), train.labels)
    with pytest.raises(Problem, match="do not vary within any class"):
        method("mahalanobis")().fit(flat, flat)


def test_mos_is_the_least_probability_of_others(toy, known):
    """Each group's head minimises its penalised loss: the gradient is zero there. Then the score, from its weights."""
    features, train = toy(8), known(1, rows=300)
    mos = method("mos")(groups=2, penalty=0.5)
    heads = mos.fit(train, train)
    columns = mos.score(features, heads)
    assert set(columns) == {"clusters", "random"}
    for name, group_heads in heads.items():
        others = []
        members = [set(head[-1].classes_) - {-1} for head in group_heads]
        assert sorted(members[0] | members[1]) == [0, 1, 2, 3, 4] and not members[0] & members[1]
        for head, inside in zip(group_heads, members, strict=True):
            mean, std = train.features.h.mean(axis=0), train.features.h.std(axis=0)
            weight, bias = (torch.from_numpy(part).requires_grad_() for part in (head[-1].coef_, head[-1].intercept_))
            x = torch.from_numpy((train.features.h - mean) / std)
            z = F.linear(x, weight, bias)
            z = torch.cat([torch.zeros_like(z), z], 1) if len(inside) == 1 else z
            targets = [sorted({-1, *inside}).index(label if label in inside else -1) for label in train.labels]
            loss = F.cross_entropy(z, torch.tensor(targets), reduction="sum") + 0.25 * weight.square().sum()
            assert all(part.abs().max() < 0.05 for part in torch.autograd.grad(loss, [weight, bias]))
            logits = F.linear(torch.from_numpy((features.h - mean) / std), weight, bias)
            logits = torch.cat([torch.zeros_like(logits), logits], 1) if len(inside) == 1 else logits
            others.append(logits.softmax(1)[:, 0])
        assert columns[name] == close(-torch.stack(others).amin(0).detach().numpy(), rel=1e-10)


def test_mos_clusters_classes_that_are_alike(known):
    train = known(1, rows=300)
    near = np.array([0.0, 0.1, 50, 50.1, 0.2])[train.labels]
    alike = Labelled(train.features._replace(h=train.features.h + near[:, None]), train.labels)
    groups = [set(head[-1].classes_) - {-1} for head in method("mos")(groups=2).fit(alike, alike)["clusters"]]
    assert sorted(map(sorted, groups)) == [[0, 1, 4], [2, 3]]


def test_mos_with_more_groups_than_classes_is_refused(known):
    with pytest.raises(Problem, match=r"detectors\.mos\.groups in config\.yaml: 6 groups of 5 classes"):
        method("mos")(groups=6).fit(known(1), known(1))
