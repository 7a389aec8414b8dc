"""BatchNorm of a batch in the graph: its backward pass without its input.

In eval mode BatchNorm is a multiplication by channel, and so is its gradient at the input. torch's backward pass holds
the input all the same, for gradients of the parameters, and reads it. Of a network's maps that is every third.
"""

import torch
from torch import Tensor, nn


def scalable(module: nn.Module) -> bool:
    """Whether it is a BatchNorm with weights and with statistics of its own."""
    return type(module) is nn.BatchNorm2d and module.affine and module.track_running_stats


class Scaled(nn.Module):
    """A ``scalable`` layer, (N, K, H, W) -> (N, K, H, W), that holds no map for the backward pass.

    That is in eval mode; its weights collect no gradients then. With one image the calls cost more than they save.
    """

    def __init__(self, normalisation: nn.BatchNorm2d):
        super().__init__()
        self.normalisation = normalisation

    def forward(self, x: Tensor) -> Tensor:
        norm = self.normalisation
        return Scale.apply(x, norm) if x.requires_grad and not norm.training else norm(x)


class Scale(torch.autograd.Function):
    """BatchNorm in eval mode, in the graph."""

    @staticmethod
    def forward(ctx, x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
        ctx.scale = (norm.weight / (norm.running_var + norm.eps).sqrt())[:, None, None]
        return norm(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.scale, None
