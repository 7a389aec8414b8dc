"""Networks: one module per architecture, each with a class ``Network(classes, **options)``, a ``Classifier``."""

import importlib
import inspect
import json
import re
from pathlib import Path
from typing import ClassVar

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ood.errors import Problem

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]
IMAGENET: Normalisation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Classifier(nn.Module):
    """Images (N, channels, H, W), normalised, to logits (N, classes) = head(features(x)).

    What a network declares: the side of its input in pixels; its channels; mean and std by channel of pixels in
    [0, 1], or None where they are the training set's; how a picture of any size becomes its input (``squash``: resized
    to exactly input_size x input_size, ``short_side``: short side to 256, then the centre 224 x 224), or None where the
    dataset holds images of one size; the prefixes of the attribution layers in its last two blocks, which is where
    GAIA-A reads, or none for all; and the names in its published weight files that are not its own.

    No module works in place: the attribution pass needs the value of every normalisation output. For the same pass
    ``features`` must be what torch.fx can trace: no step of it may hang on a shape or a value. GAIA and RankFeat run
    on networks that say which their ``blocks`` are.
    """

    input_size: int
    channels: int = 3
    normalisation: Normalisation | None = None
    preprocessing: str | None = None
    late: tuple[str, ...] = ()
    renames: ClassVar[dict[str, str]] = {}  # regular expression in a published name -> what stands here, in this order

    head: nn.Linear

    def features(self, x: Tensor) -> Tensor:
        """The penultimate feature h (N, head.in_features)."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))

    def attribution_layers(self) -> dict[str, nn.Module]:
        """Where GAIA reads gradients, by name in forward order: all BatchNorm layers unless a network says otherwise.

        Empty for a network without normalisation layers: GAIA is not defined there.
        """
        return {name: module for name, module in self.named_modules() if isinstance(module, nn.BatchNorm2d)}

    def late_layers(self) -> dict[str, nn.Module]:
        """The attribution layers of its last two blocks, or all where ``late`` names none."""
        return {name: layer for name, layer in self.attribution_layers().items() if name.startswith(self.late or "")}

    def final_norm(self) -> dict[str, nn.Module]:
        """The normalisation layer before the head by name, where GAIA's code reads it for some OOD set only."""
        return {}

    def blocks(self) -> dict[str, nn.Module]:
        """Its stages of equal resolution by name, in forward order: what RankFeat takes apart is a stage's output.

        All that comes after a stage sees the images through its output alone. Empty for a network without stages.
        """
        return {}

    def saliency_layers(self) -> dict[str, nn.Module]:
        """Where LayerCAM looks, by name in forward order: the ends of its blocks unless a network says otherwise."""
        return self.blocks()

    @classmethod
    def convert(cls, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """A published file's tensors (ood.train.weights.read) under this network's names and in its shapes."""
        for published, ours in cls.renames.items():
            state = {re.sub(published, ours, name): value for name, value in state.items()}
        return state


def out_of_place(network: nn.Module) -> nn.Module:
    """The same network, its activation modules no longer overwriting their inputs."""
    for module in network.modules():
        if hasattr(module, "inplace"):
            module.inplace = False
    return network


def architecture(name: str) -> type[Classifier]:
    """The class behind a network's name, with what it declares."""
    return importlib.import_module(f"ood.networks.{name}").Network


def build(name: str, classes: int, options: dict) -> Classifier:
    """A fresh network, randomly initialised, in training mode. Raises Problem for an option that it does not have."""
    network = architecture(name)
    try:
        inspect.signature(network).bind(classes, **options)
    except TypeError as error:
        raise Problem(f"network '{name}': {error}. It is Network{inspect.signature(network)}.") from None
    return network(classes, **options)


def load(weights: Path, card: Path) -> tuple[Classifier, dict]:
    """The network of a checkpoint, in eval mode with frozen parameters, and its card.

    Raises Problem when the file's tensors are not exactly the network's.
    """
    facts = json.loads(card.read_text())
    network = build(facts["network"], facts["classes"], facts["options"])
    try:
        with safe_open(weights, framework="pt") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a mapping)
    except SafetensorError as error:
        raise Problem(f"{weights} is no safetensors file: {error}. Delete it and run again.") from None
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise Problem(f"{weights} does not fit the network '{facts['network']}' of {card}: {error}") from None
    return network.eval().requires_grad_(False), facts
