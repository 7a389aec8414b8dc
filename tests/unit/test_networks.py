"""ResNet34's size and layers, checkpoints that fit and that do not, and what a network gets as its input."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from ood import networks
from ood.errors import Problem
from ood.preprocessing import to_input

torch.set_num_threads(1)  # as every step does

TINY = {"width": 2, "channels": 1}


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def seeded(seed: int, **options) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return networks.build("resnet34", 3, {**TINY, **options})


@pytest.mark.parametrize(("classes", "parameters"), [(10, 21_282_122), (100, 21_328_292)])
def test_resnet34_has_the_published_size(classes, parameters):
    with torch.device("meta"):
        network = networks.build("resnet34", classes, {})
        assert network(torch.empty(2, 3, 32, 32)).shape == (2, classes)
        assert network.features(torch.empty(2, 3, 32, 32)).shape == (2, 512)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert network.head.in_features == 512 and network.head.out_features == classes


def test_attribution_layers_are_all_batchnorms_in_forward_order():
    with torch.device("meta"):
        network = networks.build("resnet34", 10, {"width": 64})
    called = []
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_hook(lambda module, inputs, output, name=name: called.append(name))
    network(torch.empty(1, 3, 32, 32, device="meta"))
    layers = network.attribution_layers()
    channels = dict.fromkeys(["bn1", "layer1", "layer2", "layer3", "layer4"], 0)
    for name, layer in layers.items():
        channels[name.split(".")[0]] += layer.num_features
    assert list(layers) == called and len(layers) == 36
    assert channels == {"bn1": 64, "layer1": 384, "layer2": 1152, "layer3": 3328, "layer4": 3584}
    assert sum(channels.values()) == 8512


def test_features_are_pooled_and_lead_to_the_logits():
    network, x = seeded(0).eval(), random(4, 1, 16, 16)
    last = []
    hook = network.layer4.register_forward_hook(lambda module, inputs, output: last.append(output))
    h = network.features(x)
    hook.remove()
    assert h.shape == (4, 16) and (h >= 0).all()
    torch.testing.assert_close(h, last[0].mean((2, 3)))
    torch.testing.assert_close(network(x), h @ network.head.weight.T + network.head.bias)


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
    images = np.array([[[0, 51], [102, 255]]], dtype=np.uint8)[..., np.newaxis]
    same = to_input(images, 2, [0.2], [0.4])
    torch.testing.assert_close(same, torch.tensor([[[[-0.5, 0], [0.5, 2]]]]))
    exact = F.interpolate(same, size=(5, 5), mode="bilinear", align_corners=False)  # resizing commutes with it
    torch.testing.assert_close(to_input(images, 5, [0.2], [0.4]), exact)
