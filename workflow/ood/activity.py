"""GAIA-Z without gradients: how many positions are active behind each attribution layer.

Where a normalisation layer is followed by a ReLU, directly or after the sum with a shortcut, the gradient at the
layer's output is zero where that ReLU is closed and, but for coincidences, nowhere else, whatever logit it is of. So
the non-zero density of the gradient is that of the ReLU's output, which a forward pass has at hand.

They differ where the gradient is stopped later too: by a max-pool, which hands it to one position of each window (the
stems of ResNet-50 and DenseNet-121, the last layer of each stage of playground_cnn), and where the weights behind an
open position are exactly zero, or all ReLUs behind it closed, as in a network with dead filters. The forward form is
then the larger one.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

RELUS = (F.relu, torch.relu, Tensor.relu)
SUMS = (torch.add, Tensor.add, Tensor.__add__)


def density(maps: Tensor) -> Tensor:
    """Share of non-zero positions by channel: (N, K, H, W) -> (N, K). No tolerance, on purpose."""
    mask = torch.ne(maps, 0, out=torch.empty_like(maps))  # in the maps' own type: ten times faster than a boolean mask
    return mask.mean(dim=(2, 3))


def mean_square(channels: list[Tensor]) -> Tensor:
    """Mean over channels of the square, for each layer: L times (N, K_l) -> (N, L), float64."""
    squares = torch.cat(channels, dim=1).double().square_()
    return torch.stack([part.mean(1) for part in squares.split([part.shape[1] for part in channels], dim=1)], dim=1)


class Activity(TorchFunctionMode):
    """While it is entered, follows marked tensors through sums to their ReLU, and keeps the densities behind it."""

    def __init__(self):
        super().__init__()
        self.densities: list[Tensor | None] = []  # (N, K) by layer

    def mark(self, output: Tensor) -> None:
        """``output`` is that of the next attribution layer."""
        output.layers = (len(self.densities),)
        self.densities.append(None)

    def __torch_function__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        if function in SUMS:
            result.layers = sum((getattr(term, "layers", ()) for term in arguments), ())
        elif function in RELUS and getattr(arguments[0], "layers", ()):
            value = density(result.detach())
            for layer in arguments[0].layers:
                self.densities[layer] = value
        return result

    def stacked(self) -> dict[str, Tensor]:
        """``active.density`` (N, L), float64; nothing where a layer has no ReLU behind it, so no forward form."""
        if not self.densities or any(value is None for value in self.densities):
            return {}
        return {"active.density": mean_square(self.densities)}


def activity(network: nn.Module, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Penultimate features (N, D) and ``active.density`` (N, L) in one forward pass of a network in eval mode."""
    active = Activity()
    hooks = [
        layer.register_forward_hook(lambda module, inputs, output: active.mark(output))
        for layer in network.attribution_layers().values()
    ]
    try:
        with torch.inference_mode(), active:
            return network.features(x), active.stacked()
    finally:
        for hook in hooks:
            hook.remove()
