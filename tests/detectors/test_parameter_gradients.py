"""The gradients for all parameters against autograd, one image and one class at a time."""

from copy import deepcopy
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from timm.layers import StdConv2d
from timm.models.resnetv2 import ResNetV2
from torch import nn

from ood.detectors import Features, Images, LabelledImages, method
from ood.detectors.gradients import expected_error
from ood.errors import Problem
from ood.evaluation.metrics import Ranking, auroc
from ood.networks.bit_r101x1 import norm_relu
from ood.passes import parameter_gradients
from ood.passes.parameter_gradients import Outer, logits, norms, reduced

close = pytest.approx
STD = [1.0, 1.0, 1.0]
BIASES = {"weight": False, "weight_and_bias": True}


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def perceptron(activation: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 7), activation, nn.Linear(7, 5))


def convolutions() -> nn.Module:
    """Of every kind: strides, dilation, groups, borders; and linear layers at many positions and without bias."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=(2, 1), padding=(2, 1), dilation=2),
        nn.ReLU(),
        nn.Conv2d(6, 4, 3, groups=2),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.ReLU(),
        nn.Conv2d(4, 5, (1, 3), padding="same"),
        nn.Flatten(2),
        nn.LazyLinear(3),
        nn.Flatten(),
        nn.Linear(15, 5, bias=False),
    )


def standardised() -> nn.Module:
    """BiT's layers: weight standardisation, GroupNorm, a 1x1 convolution for a head."""
    convolution = partial(StdConv2d, eps=1e-10)
    return ResNetV2((1, 1), (128, 128), 5, stem_type="fixed", stem_chs=32, conv_layer=convolution, norm_layer=norm_relu)


@pytest.fixture(params=["perceptron", "linear", "convolutions", "batch norm", "group norm"])
def net(request, network) -> nn.Module:
    if request.param == "batch norm":
        return network
    made = {"perceptron": lambda: perceptron(nn.ReLU()), "linear": lambda: perceptron(nn.Identity())}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        new = {**made, "convolutions": convolutions, "group norm": standardised}[request.param]().double()
        new(random(1, 3, side(new), side(new)))  # a lazy layer takes its size from it
        for name, part in new.named_parameters():
            if part.ndim == 1:  # a scale or a shift, else 1 or 0
                nn.init.uniform_(part, -0.5, 1.5)
            if name == "head.fc.weight":  # else near 0
                nn.init.normal_(part, 0, 0.3)
    return new.eval().requires_grad_(False)


def side(net: nn.Module) -> int:
    return 4 if isinstance(next(net.children()), nn.Flatten) else 16


def slow(net: nn.Module, image: torch.Tensor, objective) -> dict[str, torch.Tensor]:
    """The gradient of objective(log p) for every parameter."""
    net = deepcopy(net).requires_grad_()
    names, parameters = zip(*net.named_parameters(), strict=True)
    value = objective(F.log_softmax(net(image[None])[0], 0))
    return dict(zip(names, torch.autograd.grad(value, parameters), strict=True))


def per_class(net: nn.Module, image: torch.Tensor) -> tuple[np.ndarray, list[dict[str, torch.Tensor]]]:
    """log p (C,), and the gradient of each log p_y."""
    with torch.no_grad():
        log_p = F.log_softmax(net(image[None])[0], 0).numpy()
    return log_p, [slow(net, image, lambda log_p, y=y: log_p[y]) for y in range(5)]


def norm(g: dict[str, torch.Tensor], order: int, bias: bool) -> float:
    """The norm to the power of its order, with or without biases and shifts."""
    return sum(float(part.abs().pow(order).sum()) for name, part in g.items() if bias or not name.endswith("bias"))


@pytest.mark.parametrize("sizes", [[1], [2, 3]], ids=["one", "batches"])
def test_every_score_equals_a_loop_of_autograd(net, sizes):
    x = random(sum(sizes), 3, side(net), side(net))
    columns = method("gradients_deep")().score(Images(net, x.split(sizes), STD), None)
    assert set(columns) == {f"S{number} {name}" for number in (2, 3, 4, 5, 6, 7) for name in BIASES}
    for row, image in enumerate(x):
        log_p, g = per_class(net, image)
        mean, p = slow(net, image, torch.mean), np.exp(log_p)
        for name, bias in BIASES.items():
            l1, l2 = (np.array([norm(of_class, order, bias) for of_class in g]) for order in (1, 2))
            exact = {
                "S2": l1.mean(),
                "S3": l2.mean(),
                "S4": norm(mean, 1, bias),
                "S5": -(p * (log_p / p) * l2).sum(),
                "S6": -(p * l2).sum(),
                "S7": -(p * l1).sum(),
            }
            for score, value in exact.items():
                assert columns[f"{score} {name}"][row] == close(value, rel=1e-9), (score, name)
    assert len({values.tobytes() for values in columns.values()}) == 12


def labelled(net: nn.Module, count: int, seed: int) -> LabelledImages:
    x = random(count, 3, side(net), side(net), seed=seed)
    return LabelledImages(Images(net, x.split(4), STD), np.arange(count)[::-1] % 5)


@pytest.mark.parametrize("sizes", [[1], [2, 1]], ids=["one", "batches"])
def test_batchgrad_equals_a_loop_of_autograd(net, sizes):
    x, splits = random(sum(sizes), 3, side(net), side(net)), [labelled(net, 11, seed) for seed in (1, 2)]
    batchgrad = method("batchgrad_deep")(draws=2, seed=5, without=1)
    columns = batchgrad.score(Images(net, x.split(sizes), STD), batchgrad.fit(*splits))
    rng = np.random.default_rng(5)
    orders = {"train": (0, range(11)), **{f"train draw={draw}": (0, rng.permutation(11)) for draw in (1, 2)}}
    orders |= {"test": (1, range(11)), "test without=1": (1, range(11))}
    assert set(columns) == {*orders, "train weight", "test weight"}
    sums = {}
    for name, (place, order) in orders.items():
        images, labels = torch.cat(splits[place].images.batches), splits[place].labels
        firsts = [
            next(row for row in order if labels[row] == y) for y in range(5) if (y, name) != (1, "test without=1")
        ]
        terms = [slow(net, images[row], lambda log_p, y=labels[row]: log_p[y]) for row in firsts]
        sums[name] = {key: sum(term[key] for term in terms) for key in terms[0]}
    for row, image in enumerate(x):
        log_p, g = per_class(net, image)
        for column, values in columns.items():
            m, bias = sums[column.removesuffix(" weight")], not column.endswith(" weight")
            norms = [norm({key: part + m[key] for key, part in of_class.items()}, 1, bias) for of_class in g]
            assert values[row] == close(-np.exp(log_p) @ norms, rel=1e-9), column
    assert len({values.tobytes() for values in columns.values()}) == 7


class Last(nn.Module):
    """A network whose parameters are those of its head."""

    def __init__(self, features: Features):
        super().__init__()
        self.head = nn.Linear(*features.weight.shape[::-1]).double().requires_grad_(False)
        self.head.weight[:], self.head.bias[:] = map(torch.from_numpy, features[2:])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x)


@pytest.mark.parametrize("signed", [False, True], ids=["relu", "signed"])
def test_a_head_alone_has_the_last_layer_s_closed_forms(toy, known, signed):
    def images(features: Features) -> Images:
        return Images(Last(features), torch.from_numpy(features.h).split(9), STD)

    features, splits = toy(20, signed), (known(1), known(2))
    deep = method("gradients_deep")().score(images(features), None)
    for name, prefix in {"gradients": "", "gradnorm": "S4 ", "exgrad": "S7 "}.items():
        for column, values in method(name)().score(features, None).items():
            assert deep.pop(prefix + column) == close(values, rel=1e-10), column
    assert not deep
    shallow, deep = method("batchgrad")(), method("batchgrad_deep")()
    exact = shallow.score(features, shallow.fit(*splits))
    fitted = deep.fit(*(LabelledImages(images(split.features), split.labels) for split in splits))
    assert deep.score(images(features), fitted).keys() == exact.keys()
    for column, values in deep.score(images(features), fitted).items():
        assert values == close(exact[column], rel=1e-10), column


def s1(network: nn.Module, x: torch.Tensor, dtype: type = float) -> np.ndarray:
    """||E_p g_Y||_2^2, (N,): what is left of zero by the rounding of ``dtype``."""
    v = expected_error(logits(network, x), dtype)
    return reduced(network, x, v[:, np.newaxis], norms)["weight_and_bias"][:, 0, 1]


def test_s1_is_zero_and_its_ranking_is_rounding(net):
    x = random(12, 3, side(net), side(net))
    for image in x[:3]:
        log_p, g = per_class(net, image)
        size = norm(g[0], 2, True)
        expected = {key: sum(p * of_class[key] for p, of_class in zip(np.exp(log_p), g, strict=True)) for key in g[0]}
        assert norm(expected, 2, True) < 1e-25 * size and size > 1e-3
    scale = max(method("gradients_deep")().score(Images(net, [x], STD), None)["S3 weight_and_bias"])
    double, single = s1(net, x), s1(deepcopy(net).float(), x.float(), np.float32)
    assert double.max() < 1e-28 * scale and 1e-20 * scale < single.max() < 1e-10 * scale
    areas = [float(auroc(Ranking(v[:6], v[6:]).counts(np.ones(6), np.ones(6)))) for v in (single, double)]
    assert areas[0] != areas[1]


def test_certain_predictions_keep_their_digits_in_float32():
    """1 - p_0 is between 6e-8 and 4e-13, which no float32 p_0 tells from 0."""
    h, weight = np.zeros((9, 12)), 30 * np.eye(5, 12)
    h[:, 0] = np.linspace(0.6, 1, 9)
    features = Features(h, h @ weight.T, weight, np.zeros(5))
    images = Images(Last(features).float(), [torch.from_numpy(h).float()], STD)
    columns = method("gradients_deep")().score(images, None)
    for column, values in method("exgrad")().score(features, None).items():
        assert columns[f"S7 {column}"] == close(values, rel=1e-4), column


def test_probabilities_that_are_zero_have_finite_scores():
    z = np.array([0.0, 2000, -500])
    images = Images(Last(Features(None, None, np.zeros((3, 2)), z)), [torch.ones(1, 2).double()], STD)
    columns = method("gradients_deep")().score(images, None)
    assert columns["S5 weight"] == close(2 * (2000 * 2 + 2500 * 2))  # ||h||^2 sum |log p_y| ||e_y - p||^2
    batchgrad, split = method("batchgrad_deep")(), LabelledImages(images, np.array([0]))
    columns = batchgrad.score(images, batchgrad.fit(split, split))
    assert columns["train"] == close(-6)  # ||e_0 - e_1||_1 (||h||_1 + 1), as g of the certain class is 0
    assert columns["test without=0"] == 0


@pytest.mark.parametrize(("fit", "sizes"), [(0, 5 * [1]), (1, 5 * [1]), (2, [2, 2, 1]), (4, [4, 1]), (9, [5])])
def test_images_at_a_time_fit_into_memory_and_change_nothing(toy, monkeypatch, fit, sizes):
    """``fit``: images whose logits, and whose gradients along 6 directions, there is memory for."""
    features, seen = toy(5), []
    images = Images(Last(features), [torch.from_numpy(features.h)], STD)
    whole = method("gradients_deep")().score(images, None)

    def visits(network, x):
        seen.append(len(x))
        return original(network, x)

    original, size = parameter_gradients.visits, features.z[0].nbytes * 7
    monkeypatch.setattr(parameter_gradients, "visits", visits)
    monkeypatch.setattr(parameter_gradients, "MEMORY", {"cpu": fit * size + size // 2})
    parts = method("gradients_deep")().score(images, None)
    assert seen == [1, *sizes]  # the first is measured
    for column, values in parts.items():
        assert values == close(whole[column], rel=1e-12), column


def test_what_torch_func_makes_of_the_largest_layer_counts_as_memory():
    grouped = nn.Conv2d(64, 64, 3, groups=2)
    network = nn.Sequential(nn.Conv2d(3, 64, 3), grouped, nn.BatchNorm2d(64), nn.Flatten(), nn.Linear(64, 5))
    network = network.eval().requires_grad_(False)
    _, visited = parameter_gradients.visits(network, torch.ones(1, 3, 5, 5))
    outputs = 4 * (64 * 9 + 64 + 64 + 5)
    assert parameter_gradients.held(visited.values(), 10) == 11 * outputs + 10 * 4 * (64 * 32 * 9 + 64)
    del visited["1"], visited["2"]
    assert parameter_gradients.held(visited.values(), 10) == 11 * 4 * (64 * 9 + 5)


@pytest.mark.parametrize(
    ("rows", "sizes"), [(0, 15 * [(1, 1)]), (2, 5 * [(1, 2), (1, 1)]), (3, 5 * [(1, 3)]), (7, [(2, 3), (2, 3), (1, 3)])]
)
def test_gradients_at_a_time_fit_into_a_piece_and_change_nothing(monkeypatch, rows, sizes):
    """``rows``: of 5 images' gradients along 6 directions, 3 rows each, those that there is room for."""
    g, beside, seen = Outer(random(5, 6, 3, 2), random(5, 4, 2, seed=1)), random(7, 3, 4, seed=2), []

    def products(piece: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
        seen.append((len(piece), piece.shape[2]))
        return torch.einsum("nvok,rok->nvr", piece, part)

    size = 8 * 6 * 4
    monkeypatch.setattr(parameter_gradients, "PIECE", {"cpu": rows * size + size // 2})
    exact = torch.einsum("nvop,nkp,rok->nvr", *g, beside)
    assert g.summed(products, beside).numpy() == close(exact.numpy(), rel=1e-12)
    assert seen == sizes


def test_a_layer_that_runs_twice_is_refused():
    twice = nn.Linear(4, 4).requires_grad_(False)
    network = nn.Sequential(twice, nn.ReLU(), twice)
    with pytest.raises(Problem, match="layer 0 of this network runs twice.*config.yaml"):
        method("gradients_deep")().score(Images(network, [torch.ones(2, 4)], STD), None)
    assert not twice._forward_hooks


class Scaled(nn.Sequential):
    """With a parameter of its own, beside those of its layers."""

    def __init__(self, *layers: nn.Module):
        super().__init__(*layers)
        self.scale = nn.Parameter(torch.tensor(3.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * super().forward(x)


def test_a_parameter_of_the_network_itself_has_its_name():
    network = Scaled(nn.Linear(4, 2)).double().requires_grad_(False)
    found = {}

    def squares(name: str, g: Outer) -> torch.Tensor:
        found[name] = g.summed(lambda piece: piece.square().sum((2, 3)).unsqueeze(2))
        return found[name]

    x, v = random(3, 4), random(3, 1, 2, seed=1).numpy()
    parameter_gradients.reduced(network, x, v, squares)
    assert found.keys() == {"0.weight", "0.bias", "scale"}
    exact = (network[0](x).numpy() * v[:, 0]).sum(1) ** 2
    assert found["scale"][:, 0, 0].numpy() == close(exact, rel=1e-12)


def test_a_layer_of_several_tensors_is_refused():
    network = nn.GRU(4, 2, batch_first=True).requires_grad_(False)
    with pytest.raises(Problem, match="gives more than one tensor.*config.yaml"):
        parameter_gradients.visits(network, torch.ones(2, 3, 4))


class Functional(Last):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.head.weight, self.head.bias)


def test_parameters_that_no_layer_or_two_layers_use_are_refused(toy):
    first, second = (nn.Linear(4, 4).requires_grad_(False) for _ in range(2))
    second.weight = first.weight
    functional = Functional(toy(2)).float()
    for network, size in ((nn.Sequential(first, nn.ReLU(), second), 4), (functional, functional.head.in_features)):
        with pytest.raises(Problem, match=r"share parameters, or some are used without.*config\.yaml"):
            method("gradients_deep")().score(Images(network, [torch.ones(2, size)], STD), None)


def test_errors_of_a_network_that_is_nearly_sure_keep_their_digits():
    rest = np.array([1e-20, 3e-19, 2e-17])
    p = np.array([[1 - rest.sum(), *rest]])
    assert parameter_gradients.logits(nn.Linear(2, 3), torch.ones(1, 2)).dtype == np.float64
    errors = parameter_gradients.errors(p)[0]
    assert errors[0, 0] == close(rest.sum(), rel=1e-14, abs=0)
    assert np.array_equal(errors - np.diag(np.diag(errors)), -np.where(np.eye(4), 0, p))
    assert np.allclose(np.diag(errors)[1:], 1 - rest, rtol=1e-15)
