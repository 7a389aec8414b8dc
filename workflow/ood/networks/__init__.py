"""Networks: one module per architecture, each with a class ``Network(classes, **options)``.

A network offers ``features(x)``, the penultimate feature h (N, D); ``head``, the linear layer from h to the logits;
and ``attribution_layers()``, its normalisation layers by name in forward order, where GAIA reads gradients.
"""

import importlib
import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import nn

from ood.errors import Problem


def build(name: str, classes: int, options: dict) -> nn.Module:
    """A fresh network with PyTorch's default initialisation, in training mode."""
    return importlib.import_module(f"ood.networks.{name}").Network(classes, **options)


def load(weights: Path, card: Path) -> tuple[nn.Module, dict]:
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
