"""Published weight files: every format gives the tensors back, each network's file fits, nothing in a file is run.

With OOD_MIRROR set to a folder of real images and weights, published checkpoints must reach their accuracy on them.
"""

import io
import os
import pathlib
import re
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from ood import networks
from ood.errors import Problem
from ood.train import weights

torch.set_num_threads(1)  # as every step does

RESNET = ("resnet_a", 3, {"depth": 8})


def fresh(name: str, classes: int, options: dict) -> networks.Classifier:
    """A network whose BatchNorm statistics are not the initial ones, in eval mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = networks.build(name, classes, options)
        network(torch.randn(8, network.channels, network.input_size, network.input_size))
    return network.eval()


def images(network: nn.Module) -> torch.Tensor:
    shape = (2, network.channels, network.input_size, network.input_size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


# formats


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("key", [None, "state_dict", "model"])
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors", "npz"])
def test_every_format_gives_the_same_network(tmp_path, kind, key, prefix):
    network, path = fresh(*RESNET), tmp_path / "published"
    state = {prefix + name: value for name, value in network.state_dict().items()}
    if kind in ("zip", "legacy"):
        content = {key: state, "epoch": 7} if key else state
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    elif kind == "safetensors":
        save_file(state, path)
    else:
        with path.open("wb") as file:
            np.savez_compressed(file, **{name: value.numpy() for name, value in state.items()})
    loaded = weights.load_published(*RESNET, path)
    x = images(network)
    assert torch.equal(loaded(x), network(x))
    assert not any(module.training for module in loaded.modules())
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_half_precision_becomes_float32_and_counters_stay(tmp_path):
    path = tmp_path / "half.pth"
    torch.save({"weight": nn.Parameter(torch.tensor([1.5]).half()), "count": torch.tensor(3)}, path)
    found = weights.read(path)
    assert found["weight"].dtype == torch.float32 and found["weight"].item() == 1.5
    assert not found["weight"].requires_grad and found["count"].dtype == torch.int64


# what is refused


class Armed:
    """Unpickling it makes a file."""

    def __init__(self, marker: pathlib.Path):
        self.marker = str(marker)

    def __reduce__(self):
        return os.mkdir, (self.marker,)


def save_armed(kind: str, armed: Armed, path: pathlib.Path) -> None:
    if kind == "npz":
        with path.open("wb") as file:
            np.savez(file, weight=np.array([armed], dtype=object))
    else:
        torch.save({"weight": armed}, path, _use_new_zipfile_serialization=kind == "zip")


def load_unsafely(kind: str, path: pathlib.Path) -> None:
    if kind == "npz":
        np.load(path, allow_pickle=True)["weight"]
    else:
        torch.load(path, weights_only=False)


@pytest.mark.parametrize("kind", ["zip", "legacy", "npz"])
def test_code_in_a_file_is_refused_and_not_run(tmp_path, kind):
    marker, path = tmp_path / "marker", tmp_path / "weights.pth"
    save_armed(kind, Armed(marker), path)
    with pytest.raises(Problem, match=f"{path} holds more than tensors"):
        weights.read(path)
    assert not marker.exists()
    load_unsafely(kind, path)  # the file is armed: who reads it without care runs it
    assert marker.exists()


def test_a_pickled_network_is_refused_by_its_class(tmp_path):
    path = tmp_path / "network.pth"
    torch.save(nn.Linear(2, 2), path)
    with pytest.raises(Problem, match=r"torch\.nn\.modules\.linear\.Linear"):
        weights.read(path)


def test_damaged_and_foreign_files_are_named(tmp_path):
    whole = tmp_path / "whole"
    torch.save(fresh(*RESNET).state_dict(), whole)
    save_file({"weight": torch.zeros(100)}, tmp_path / "cut.safetensors")
    for name, content in {
        "page.pth": b"<!DOCTYPE html><html><body>Sign in</body></html>",
        "empty.pth": b"",
        "cut.pth": whole.read_bytes()[:-300],
        "cut.safetensors": (tmp_path / "cut.safetensors").read_bytes()[:-50],
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(Problem, match=f"{path} is damaged or no weight file"):
            weights.read(path)
    with pytest.raises(Problem, match="absent.pth is missing"):
        weights.read(tmp_path / "absent.pth")


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [torch.zeros(2)], {0: torch.zeros(2)}, torch.zeros(2)])
def test_a_file_without_named_tensors_is_refused(tmp_path, content):
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    with pytest.raises(Problem, match=f"{path} has no table of named tensors"):
        weights.read(path)


def test_a_file_of_another_network_is_refused(tmp_path):
    path, state = tmp_path / "weights.pth", {**fresh(*RESNET).state_dict()}
    state["other"] = state.pop("bn1.running_mean")
    torch.save(state, path)
    with pytest.raises(Problem) as problem:
        weights.load_published("resnet_a", 5, {"depth": 8}, path)
    for part in (
        str(path),
        "'resnet_a' with 5 classes depth=8",
        "1 missing (bn1.running_mean)",
        "1 unexpected (other)",
        "2 of another shape (linear.weight (3, 64) for (5, 64), linear.bias (3,) for (5,))",
    ):
        assert part in str(problem.value)


# the networks' published names


def old_densenet() -> tuple[nn.Module, dict]:
    from torchvision.models import densenet121  # seconds, which only this case needs

    network = densenet121(num_classes=3).eval()
    old = {re.sub(r"(denselayer\d+\.[a-z]+)([12])\.", r"\1.\2.", name): v for name, v in network.state_dict().items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    return network, {name: value for name, value in old.items() if "num_batches" not in name}


def playground(width: int, dropout: float) -> tuple[nn.Module, dict]:
    layers, before = [], 3
    for channels in (1, 1, "M", 2, 2, "M", 4, 4, "M", 8, "M"):
        if channels == "M":
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [nn.Conv2d(before, channels * width, 3, padding=int(channels != 8))]
        layers += [nn.BatchNorm2d(channels * width, affine=False), nn.ReLU()]
        layers += [nn.Dropout(dropout)] if dropout else []
        before = channels * width
    classifier = nn.Sequential(nn.Linear(before, 3))
    network = nn.Sequential()
    network.add_module("features", nn.Sequential(*layers))
    network.add_module("flat", nn.Flatten())
    network.add_module("classifier", classifier)
    network(torch.randn(4, 3, 32, 32))
    return network.eval(), network.state_dict()


def perceptron() -> tuple[nn.Module, dict]:
    widths = (784, 256, 256, 3)
    layers = [nn.Linear(before, after) for before, after in zip(widths, widths[1:], strict=False)]
    names = ("model.fc1", "model.fc2", "model.out")
    state = {
        f"{name}.{key}": value
        for name, layer in zip(names, layers, strict=True)
        for key, value in layer.state_dict().items()
    }
    return nn.Sequential(nn.Flatten(), layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2]), state


def energy_wrn() -> tuple[nn.Module, dict]:
    network = fresh("wrn40_2", 3, {})
    state = {re.sub(r"^(block\d)", r"\1.layer", name): value for name, value in network.state_dict().items()}
    return network, {name.replace("shortcut", "convShortcut"): value for name, value in state.items()}


@pytest.mark.parametrize(
    ("name", "options", "published"),
    [
        ("densenet121", {}, old_densenet),
        ("playground_cnn", {"width": 2}, lambda: playground(2, 0)),
        ("playground_cnn", {"width": 2, "dropout": 0.3}, lambda: playground(2, 0.3)),
        ("playground_mlp", {}, perceptron),
        ("wrn40_2", {}, energy_wrn),
    ],
)
def test_published_names_are_understood(tmp_path, name, options, published):
    path = tmp_path / "published.pth"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network, state = published()
    torch.save(state, path, _use_new_zipfile_serialization=False)
    loaded = weights.load_published(name, 3, options, path)
    x = images(loaded)[..., :64, :64]
    with torch.inference_mode():
        torch.testing.assert_close(loaded(x), network(x))


# the real files on real images


def first_images(mirror: pathlib.Path, dataset: str, labels: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The first 1,000 test images (N, 3, 32, 32) in [0, 1] and their labels: ten strips of a hundred."""
    with tarfile.open(mirror / dataset / "test.webp.tar") as archive:
        members = sorted(archive.getmembers(), key=lambda member: member.name)[:10]
        strips = [Image.open(io.BytesIO(archive.extractfile(member).read())).convert("RGB") for member in members]
    pixels = np.concatenate([np.asarray(strip).reshape(-1, 32, 32, 3) for strip in strips])
    y = np.load(mirror / dataset / "meta.npz", allow_pickle=False)[labels][: len(pixels)]
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(y.astype(np.int64))


@pytest.mark.skipif("OOD_MIRROR" not in os.environ, reason="OOD_MIRROR names no folder of real images and weights")
@pytest.mark.parametrize(
    ("name", "options", "file", "dataset", "labels", "classes", "right"),
    [
        ("resnet_a", {"depth": 20}, "resnet20-12fca82f.th", "cifar10", "test_labels", 10, 915),
        ("resnet_a", {"depth": 56}, "resnet56-4bfd9763.th", "cifar10", "test_labels", 10, 926),
        ("densenet_bc", {}, "densenet_bc_100_12_cifar10_dice.pth.tar", "cifar10", "test_labels", 10, 940),
        ("densenet_bc", {}, "densenet_bc_100_12_cifar100_dice.pth.tar", "cifar100", "test_fine_labels", 100, 734),
    ],
)
def test_published_checkpoints_reach_their_accuracy(name, options, file, dataset, labels, classes, right):
    mirror = pathlib.Path(os.environ["OOD_MIRROR"])
    network = weights.load_published(name, classes, options, mirror / "weights" / file)
    x, y = first_images(mirror, dataset, labels)
    mean, std = (torch.tensor(part).view(3, 1, 1) for part in network.normalisation)
    x = ((x - mean) / std).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        found = sum(
            int((network(part).argmax(1) == true).sum()) for part, true in zip(x.split(50), y.split(50), strict=True)
        )
    assert abs(found - right) <= 2  # a last bit, on another processor, can turn an image that lies on the border
