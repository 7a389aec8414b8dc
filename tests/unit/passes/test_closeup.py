"""A close look into a network, against one image and one full backward pass at a time."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import save_model

from ood import networks
from ood.data.loading import Form
from ood.passes.closeup import by_channel, closeup, last_layers, pictures, spaced
from ood.passes.saliency import layercam

torch.set_num_threads(1)  # as every step does
LAYERS = ["layer1.2.bn2", "layer2.3.bn2", "layer3.5.bn2", "layer4.2.bn2"]


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return 2 * torch.randn(5, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def gradients(network, image) -> dict[str, torch.Tensor]:
    """Of one image: the largest logit's gradient (K, H, W) at each layer, by an ordinary backward pass."""
    kept = {}
    hooks = [
        dict(network.named_modules())[name].register_forward_hook(
            lambda module, inputs, output, name=name: (output.retain_grad(), kept.update({name: output}))[0]
        )
        for name in LAYERS
    ]
    network(image[None].clone().requires_grad_()).max().backward()
    for hook in hooks:
        hook.remove()
    return {name: output.grad[0] for name, output in kept.items()}


def test_the_last_layer_of_each_block(network):
    assert list(last_layers(network)) == LAYERS
    assert last_layers(networks.build("playground_mlp", 10, {})) == {}


def test_channels_equal_full_backward_passes(network, x):
    found, exact = by_channel(network, x.split(2)), [gradients(network, image) for image in x]
    assert set(found) == {f"{kind}/{name}" for kind in ("gradient", "nonzero") for name in LAYERS}
    for name in LAYERS:
        weights = [one[name].mean((1, 2)).abs().numpy() for one in exact]
        shares = [(one[name] != 0).double().mean((1, 2)).numpy() for one in exact]
        np.testing.assert_allclose(found[f"gradient/{name}"], np.mean(weights, axis=0), rtol=1e-9)
        np.testing.assert_allclose(found[f"nonzero/{name}"], np.mean(shares, axis=0), rtol=1e-12)


def test_pictures_and_their_maps(network, x):
    form = Form(16, [0.1, 0.3, 0.5], [0.2, 0.4, 0.8], None)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    inputs = (torch.from_numpy(pixels / 255) - torch.tensor(form.mean)) / torch.tensor(form.std)
    inputs = inputs.double().permute(0, 3, 1, 2)
    found = pictures(network, inputs.split(2), form)
    assert np.array_equal(found["image"], pixels)
    for block, maps in layercam(network, inputs).items():
        np.testing.assert_allclose(found[f"saliency/{block}"], maps, rtol=1e-9)
    for name, gradient in gradients(network, inputs[1]).items():
        np.testing.assert_allclose(found[f"open/{name}"][1], (gradient != 0).double().mean(0), rtol=1e-6)


def test_of_a_network_without_normalisation_layers_there_are_pictures_and_saliency_maps():
    network = networks.build("vgg16", 3, {}).eval().requires_grad_(False)
    inputs, form = torch.randn(1, 3, 32, 32).split(1), Form(32, [0.5] * 3, [0.25] * 3, None)
    assert by_channel(network, inputs) == {}
    assert set(pictures(network, inputs, form)) == {
        "image",
        *(f"saliency/{name}" for name in network.saliency_layers()),
    }


@pytest.mark.parametrize(
    ("rows", "count", "chosen"), [(7, 3, [10, 13, 16]), (4, 9, [10, 11, 12, 13]), (5, 1, [10]), (0, 2, [])]
)
def test_evenly_spaced(rows, count, chosen):
    assert spaced(np.arange(10, 10 + rows), count).tolist() == chosen


def test_only_test_images_are_looked_at(tmp_path):
    """The training images are certain to be others: all black."""
    facts = {"network": "resnet34", "classes": 4, "options": {"width": 2, "channels": 1}, "size": 8}
    (tmp_path / "card").write_text(json.dumps(facts | {"mean": [0.5], "std": [0.25]}))
    save_model(networks.build("resnet34", 4, facts["options"]), tmp_path / "weights")
    pixels = np.zeros((6, 8, 8, 1), dtype=np.uint8)
    pixels[3:] = np.arange(1, 4)[:, None, None, None]
    np.save(tmp_path / "images.npy", pixels)
    pd.DataFrame({"split": ["train"] * 3 + ["test"] * 3}).to_parquet(tmp_path / "index")
    closeup(
        *(tmp_path / name for name in ("weights", "card", "card")),
        images=[tmp_path / "images.npy"] * 2,
        indices=[tmp_path / "index"] * 2,
        maps=tmp_path / "maps",
        spec={"network": "resnet34", "batch": 2, "datasets": ["one", "two"], "averaged": 3, "shown": 2},
    )
    found = load_file(tmp_path / "maps")
    assert found["one/image"][:, 0, 0, 0].tolist() == found["two/image"][:, 0, 0, 0].tolist() == [1, 3]
    kinds = {key.split("/")[1] for key in found}
    assert kinds == {"image", "saliency", "open", "gradient", "nonzero"} and len(found) == 2 * (1 + 4 * 4)
