"""Sizes, layers and forward passes of all networks, checkpoints that fit and that do not, and a network's input."""

import json

import pytest
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import save_file
from torch import nn

from ood import networks
from ood.data.preprocessing import normalised, scaled
from ood.errors import Problem
from ood.passes.attribution import attributions

torch.set_num_threads(1)  # as every step does

TINY = {"width": 2, "channels": 1}
PUBLISHED = [  # network, classes, options, parameters, attribution layers, the late of them, channels of all, features
    ("resnet34", 10, {}, 21_282_122, 36, 20, 8512, 512),
    ("resnet34", 100, {}, 21_328_292, 36, 20, 8512, 512),
    ("wrn40_2", 10, {}, 2_243_546, 37, 37, 2704, 128),
    ("densenet_bc", 10, {}, 769_162, 99, 99, 11_994, 342),
    ("densenet_bc", 100, {}, 800_032, 99, 99, 11_994, 342),
    ("resnet_a", 10, {"depth": 20}, 269_722, 19, 12, 688, 64),
    ("resnet_a", 10, {"depth": 56}, 853_018, 55, 36, 2032, 64),
    ("playground_mlp", 10, {}, 269_322, 0, 0, 0, 256),
    ("playground_cnn", 10, {}, 9_306_250, 7, 7, 2816, 1024),
    ("playground_cnn", 10, {"width": 32, "dropout": 0.3}, 584_746, 7, 7, 704, 256),
    ("resnet50", 1000, {}, 25_557_032, 53, 29, 26_560, 2048),
    ("densenet121", 1000, {}, 7_978_856, 121, 121, 41_824, 1024),
    ("vgg16", 1000, {}, 138_357_544, 0, 0, 0, 4096),
    ("bit_r101x1", 1000, {}, 44_541_480, 9, 9, 8192, 2048),
]
SMALL = [  # network, options, side of an image that is small and still leaves a map of several pixels
    ("resnet34", {"width": 2}, 16),
    ("wrn40_2", {}, 8),
    ("densenet_bc", {"depth": 22}, 8),
    ("resnet_a", {"depth": 14}, 8),
    ("playground_mlp", {}, 28),
    ("playground_cnn", {"width": 2, "dropout": 0.3}, 32),
    ("resnet50", {}, 64),
    ("densenet121", {}, 64),
    ("vgg16", {}, 64),
    ("bit_r101x1", {}, 64),
]


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def seeded(seed: int, **options) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return networks.build("resnet34", 3, {**TINY, **options})


def on_meta(name: str, classes: int, options: dict) -> networks.Classifier:
    with torch.device("meta"):
        return networks.build(name, classes, options)


def lived_in(network: torch.nn.Module) -> torch.nn.Module:
    """A network of the meta device made real, in eval mode, with random weights and BatchNorm statistics."""
    generator = torch.Generator().manual_seed(0)
    for name, value in network.to_empty(device="cpu").state_dict().items():
        if value.ndim > 1:
            value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
        elif name.endswith(("bias", "running_mean")):
            value.uniform_(-0.2, 0.2, generator=generator)
        else:
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize(("name", "options", "side"), [row for row in SMALL if on_meta(row[0], 5, row[1]).blocks()])
def test_what_comes_after_a_block_sees_its_output_only(name, options, side):
    """RankFeat relies on it. With zeros for a block's maps, two images have the same logits."""
    network = lived_in(on_meta(name, 5, options))
    x = random(2, network.channels, side, side)
    for block in network.blocks().values():
        hook = block.register_forward_hook(lambda module, inputs, maps: 0 * maps)
        z = network(x)
        hook.remove()
        torch.testing.assert_close(z[0], z[1])
    assert not torch.allclose(*network(x), rtol=1e-2)


@pytest.mark.parametrize(
    ("name", "classes", "options", "parameters", "layers", "late", "channels", "features"), PUBLISHED
)
def test_has_the_published_size(name, classes, options, parameters, layers, late, channels, features):
    network = on_meta(name, classes, options)
    called = []
    for layer, module in network.named_modules():
        module.register_forward_hook(lambda module, inputs, output, layer=layer: called.append(layer))
    h = network.features(torch.empty(2, network.channels, network.input_size, network.input_size, device="meta"))
    assert h.shape == (2, features) and network.head(h).shape == (2, classes)
    assert (network.head.in_features, network.head.out_features) == (features, classes)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    found = network.attribution_layers()
    widths = [getattr(layer, "num_features", None) or layer.num_channels for layer in found.values()]
    assert (len(found), len(network.late_layers()), sum(widths)) == (layers, late, channels)
    assert list(found) == [layer for layer in called if layer in found]
    assert network.normalisation is None or [len(part) for part in network.normalisation] == [network.channels] * 2


def test_attribution_layers_of_resnet34_and_bit_are_those_of_gaia():
    channels = dict.fromkeys(["bn1", "layer1", "layer2", "layer3", "layer4"], 0)
    for name, layer in on_meta("resnet34", 10, {}).attribution_layers().items():
        channels[name.split(".")[0]] += layer.num_features
    assert channels == {"bn1": 64, "layer1": 384, "layer2": 1152, "layer3": 3328, "layer4": 3584}
    bit = on_meta("bit_r101x1", 10, {})
    widths = [layer.num_channels for layer in bit.attribution_layers().values()]
    assert widths == [1024, 512, 512] + 2 * [2048, 512, 512]
    (final,) = bit.final_norm().items()
    assert final[0] == [name for name, layer in bit.named_modules() if isinstance(layer, torch.nn.GroupNorm)][-1]
    assert final[1].num_channels == 2048 and dict(bit.named_modules())[final[0]] is final[1]


def test_resnet34_is_torchvisions_with_a_small_stem():
    """It is trained here: no published weights would show that a stride or a shortcut stands elsewhere."""
    other = torchvision.models.resnet34(num_classes=3)
    other.conv1, other.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    other = lived_in(other)
    names = {"downsample": "shortcut", "fc.": "linear."}
    state = {}
    for name, value in other.state_dict().items():
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        state[name] = value
    network = networks.build("resnet34", 3, {}).eval()
    network.load_state_dict(state)
    x = random(2, 3, 32, 32)
    torch.testing.assert_close(network(x), other(x))


def test_playgrounds_cnn_is_convolutions_and_pools_in_this_order():
    """Convolutions with a bias, BatchNorm and ReLU, a max-pool behind each pair and behind the last; written out."""
    network, x = lived_in(on_meta("playground_cnn", 3, {"width": 2})), random(2, 3, 32, 32)
    modules, h = iter([m for m in network.body if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]), x
    for pooled, padding in ((False, 1), (True, 1)) * 3 + ((True, 0),):
        conv, norm = next(modules), next(modules)
        h = F.conv2d(h, conv.weight, conv.bias, padding=padding)
        h = F.relu(F.batch_norm(h, norm.running_mean, norm.running_var))
        h = F.max_pool2d(h, 2) if pooled else h
    assert next(modules, None) is None
    torch.testing.assert_close(network.features(x), h.flatten(1))


def test_features_of_resnet34_are_its_pooled_last_map():
    network, x = seeded(0).eval(), random(4, 1, 16, 16)
    last = []
    network.layer4.register_forward_hook(lambda module, inputs, output: last.append(output))
    torch.testing.assert_close(network.features(x), last[0].mean((2, 3)))


def test_saliency_layers_of_vgg16_end_its_five_blocks():
    network = lived_in(on_meta("vgg16", 3, {}))
    shapes = []
    for layer in network.saliency_layers().values():
        layer.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
    network.features(random(1, 3, 64, 64))
    assert shapes == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4), (512, 2, 2)]


@pytest.mark.parametrize(("name", "options", "side"), SMALL)
def test_logits_are_the_heads_and_no_module_overwrites_a_value(name, options, side):
    network = lived_in(on_meta(name, 3, options))
    outputs = []
    for module in network.modules():
        module.register_forward_hook(lambda module, inputs, output: outputs.append((output, output.clone())))
    x = random(2, network.channels, side, side)
    h = network.features(x)
    assert (h >= 0).all() and h.std(0).max() > 0 and torch.equal(x, random(*x.shape))
    torch.testing.assert_close(network(x), h @ network.head.weight.T + network.head.bias)
    assert all(torch.equal(now, then) for now, then in outputs)


@pytest.mark.parametrize(
    ("name", "options", "side"), [case for case in SMALL if case[0] not in ("playground_mlp", "vgg16")]
)
def test_attributions_are_the_gradients_at_the_layers(name, options, side):
    network = lived_in(on_meta(name, 3, options)).double()
    x = random(2, 3, side, side).double()
    h, found = attributions(network, x)
    outputs = []
    for layer in network.attribution_layers().values():
        layer.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    again = network.features(x.requires_grad_())
    torch.testing.assert_close(h, again)
    gradients = torch.autograd.grad(again.sum(), outputs)
    exact = torch.stack([gradient.mean((2, 3)).square().mean(1) for gradient in gradients], 1)
    torch.testing.assert_close(found["inner.abs_mean"], exact)
    assert (exact > 0).any(0).all()


@pytest.mark.parametrize(
    ("name", "last"), [("resnet50", "fc"), ("densenet121", "classifier"), ("vgg16", "classifier.6")]
)
def test_is_torchvisions_network(name, last):
    from torchvision import models  # seconds, which only this test needs

    with torch.device("meta"):
        plain = getattr(models, name)(num_classes=3)
    lived_in(plain)
    network = on_meta(name, 3, {})
    network.load_state_dict(network.convert(plain.state_dict()), assign=True)
    assert torch.equal(network.head.weight, plain.get_submodule(last).weight)
    x = random(2, 3, 64, 64)
    torch.testing.assert_close(network.eval()(x), plain(x))


def test_wrn_is_the_published_network():
    """Zagoruyko and Komodakis: pre-activation blocks, a projection starting from the activated input."""
    network = lived_in(on_meta("wrn40_2", 3, {})).double()
    state, x = network.state_dict(), random(2, 3, 8, 8).double()

    def active(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, var, scale, shift = (
            state[f"{name}.{part}"].view(-1, 1, 1) for part in ("running_mean", "running_var", "weight", "bias")
        )
        return ((x - mean) / (var + 1e-5).sqrt() * scale + shift).relu()

    y = F.conv2d(x, state["conv1.weight"], padding=1)
    for group in (1, 2, 3):
        for block in range(6):
            name, stride = f"block{group}.{block}", 2 if group > 1 and block == 0 else 1
            a = active(y, f"{name}.bn1")
            shortcut = F.conv2d(a, state[f"{name}.shortcut.weight"], stride=stride) if block == 0 else y
            inner = F.conv2d(a, state[f"{name}.conv1.weight"], stride=stride, padding=1)
            y = shortcut + F.conv2d(active(inner, f"{name}.bn2"), state[f"{name}.conv2.weight"], padding=1)
    torch.testing.assert_close(network.features(x), active(y, "bn1").mean((2, 3)))


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [("resnet34", {"widht": 8}, "widht"), ("resnet_a", {"depth": 21}, "21"), ("densenet_bc", {"depth": 99}, "99")],
)
def test_an_option_that_no_network_has_is_a_problem(name, options, named):
    with pytest.raises(Problem, match=f"{name}.*{named}"):
        networks.build(name, 10, options)


@pytest.fixture
def checkpoint(tmp_path):
    weights, card = tmp_path / "model.safetensors", tmp_path / "card.json"
    network = seeded(0)
    network(random(8, 1, 16, 16))  # running statistics that are not the initial ones
    save_file(network.state_dict(), weights)
    card.write_text(json.dumps({"network": "resnet34", "classes": 3, "options": TINY, "note": "kept"}))
    return weights, card, network.eval()


def test_load_gives_the_same_network_frozen(checkpoint):
    weights, card, network = checkpoint
    loaded, facts = networks.load(weights, card)
    x = random(4, 1, 16, 16)
    assert torch.equal(loaded(x), network(x)) and facts["note"] == "kept"
    assert not any(module.training for module in loaded.modules())
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


@pytest.mark.parametrize("wrong", ["missing", "extra", "width"])
def test_load_refuses_another_networks_file(checkpoint, wrong):
    weights, card, network = checkpoint
    state = {**(seeded(0, width=4) if wrong == "width" else network).state_dict()}
    key = "bn1.running_mean"
    if wrong == "missing":
        del state[key]
    elif wrong == "extra":
        state["other.weight"] = torch.zeros(1)
    save_file(state, weights)
    with pytest.raises(Problem) as problem:
        networks.load(weights, card)
    for part in (str(weights), str(card), "resnet34", "other.weight" if wrong == "extra" else key):
        assert part in str(problem.value)


def test_inputs_are_normalised_and_resized():
    images = torch.tensor([[[0, 51], [102, 255]]], dtype=torch.uint8)[..., None]
    mean, std = torch.tensor([0.2]), torch.tensor([0.4])
    same = normalised(scaled(images, 2), mean, std)
    torch.testing.assert_close(same, torch.tensor([[[[-0.5, 0], [0.5, 2]]]]))
    exact = F.interpolate(same, size=(5, 5), mode="bilinear", align_corners=False)  # resizing commutes with it
    torch.testing.assert_close(normalised(scaled(images, 5), mean, std), exact)
