"""LayerCAM against one image, channel and position at a time, and against its closed form in the last block."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.transforms.v2.functional import resize

from ood import networks
from ood.errors import Problem
from ood.networks import Classifier
from ood.passes.saliency import layercam

torch.set_num_threads(1)  # as every step does


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def enlarged(cam: np.ndarray, side: int) -> np.ndarray:
    big = resize(torch.from_numpy(cam)[None], [side, side], antialias=False)[0].numpy()
    return big / big.max() if big.max() > 0 else big


def slow(network: Classifier, image: torch.Tensor) -> dict[str, np.ndarray]:
    kept = {}
    maps = network.bn1(network.conv1(image[None])).relu().requires_grad_()
    for name in ("layer1", "layer2", "layer3", "layer4"):
        maps = kept[name] = getattr(network, name)(maps)
        maps.retain_grad()
    z = network.head(maps.mean((2, 3)))[0]
    z[int(z.argmax())].backward()
    found = {}
    for name, output in kept.items():
        cam = np.zeros(output.shape[2:])
        for channel in range(output.shape[1]):
            for place in np.ndindex(cam.shape):
                cam[place] += max(output.grad[0, channel][place].item(), 0) * output[0, channel][place].item()
        found[name] = enlarged(np.maximum(cam, 0), image.shape[-1])
    return found


def test_equals_a_loop(network):
    x = random(3, 3, 16, 16)
    maps = layercam(network, x)
    assert list(maps) == ["layer1", "layer2", "layer3", "layer4"]
    for row, image in enumerate(x):
        for name, exact in slow(network, image).items():
            np.testing.assert_allclose(maps[name][row], exact, rtol=1e-9, atol=1e-12, err_msg=name)
    assert len({float(values.std()) for values in maps.values()}) == 4 and float(maps["layer1"].amax()) == 1


def test_the_last_block_in_closed_form(network):
    """The gradient behind it is the head's weight of the predicted class, for every position."""
    x = random(4, 3, 32, 32)
    output = network.layer4(network.layer3(network.layer2(network.layer1(network.bn1(network.conv1(x)).relu()))))
    weight = network.head.weight[network(x).argmax(1)].clamp(min=0)
    cam = (weight[:, :, None, None] * output).sum(1).numpy()
    exact = np.stack([enlarged(one, 32) for one in cam])
    np.testing.assert_allclose(layercam(network, x)["layer4"], exact, rtol=1e-9, atol=1e-12)


class Signed(Classifier):
    """A layer of its own choice, whose output is the image, of either sign."""

    def __init__(self, weight: list[float]):
        super().__init__()
        self.look, self.head = nn.Identity(), nn.Linear(2, 1, bias=False)
        self.head.weight.data = torch.tensor([weight])
        self.requires_grad_(False)

    def saliency_layers(self) -> dict[str, nn.Module]:
        return {"look": self.look}

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.look(x).sum((2, 3))


@pytest.mark.parametrize(
    ("weight", "expected"),
    [([1.0, -1.0], [[0, 1], [0.5, 0]]), ([1.0, 1.0], [[1, 0.4], [0.8, 0]]), ([-1.0, -1.0], [[0, 0], [0, 0]])],
    ids=["a negative gradient does not count", "a negative sum is zero", "nothing positive"],
)
def test_signs(weight, expected):
    x = torch.tensor([[[[-2.0, 2], [1, -3]], [[7.0, 0], [3, 1]]]])
    assert layercam(Signed(weight), x)["look"][0].numpy() == pytest.approx(np.array(expected))


def test_leaves_the_network_as_it_was(network):
    state = {name: value.clone() for name, value in network.state_dict().items()}
    x = random(2, 3, 16, 16)
    layercam(network, x)
    with pytest.raises(RuntimeError):
        layercam(network, x[:, :2])
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules()) and not x.requires_grad


def test_a_network_without_blocks_is_refused():
    with pytest.raises(Problem, match="playground_mlp: this network has no blocks"):
        layercam(networks.build("playground_mlp", 10, {}).eval(), torch.zeros(1, 1, 28, 28))
