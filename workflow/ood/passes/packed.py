"""One image's gradients through wide convolutions on a CPU: the same numbers from a faster kernel.

torch runs a convolution of one small image as a matrix product of its own, not with oneDNN (``use_mkldnn`` in
aten/src/ATen/native/Convolution.cpp). Of a wide network's late layers that is two to three times slower than oneDNN's
kernel with weights in its own layout, which torch.compile uses for frozen weights. The gradient at the input of a
convolution of stride 1 is a convolution as well, of the gradient at its output, with inputs and outputs swapped and the
kernel turned by half a circle. So it goes to that kernel, and the forward pass stays as it is everywhere.
"""

import torch
from torch import Tensor, nn

# Weights of a convolution below which the calls cost more than they save.
WIDE = 2**18
# Step, dilation and groups of a convolution's gradient.
PLAIN = ([1, 1], [1, 1], 1)


def packable(module: nn.Module) -> bool:
    """Whether it is a wide convolution of stride 1 whose gradient oneDNN's kernel can be."""
    return (
        type(module) is nn.Conv2d
        and (module.stride, module.dilation, module.groups, module.padding_mode) == ((1, 1), (1, 1), 1, "zeros")
        and isinstance(module.padding, tuple)
        and all(pad < size for pad, size in zip(module.padding, module.kernel_size, strict=True))
        and module.weight.numel() >= WIDE
        and torch.backends.mkldnn.is_available()
    )


class Packed(nn.Module):
    """A ``packable`` convolution, (N, C_in, H, W) -> (N, C_out, H', W'), with the faster gradient where it can have it.

    That is for one image in single precision on a CPU while the weights are frozen. A packed copy of them is kept then.
    """

    def __init__(self, convolution: nn.Conv2d):
        super().__init__()
        self.convolution = convolution
        self.padding = [size - 1 - pad for size, pad in zip(convolution.kernel_size, convolution.padding, strict=True)]
        self.kept: tuple = (None, None)

    def forward(self, x: Tensor) -> Tensor:
        one = len(x) == 1 and (x.device.type, x.dtype) == ("cpu", torch.float32)
        single = one and x.requires_grad and not self.convolution.weight.requires_grad
        return Single.apply(x, self) if single else self.convolution(x)

    def backward(self, gradient: Tensor) -> Tensor:
        """From the gradient at its output (1, C_out, H', W') to that at its input (1, C_in, H, W)."""
        weight = self.convolution.weight
        made_of = weight.data_ptr(), weight._version
        if self.kept[0] != made_of:
            turned = weight.detach().transpose(0, 1).flip(2, 3).contiguous()
            packed = torch.ops.mkldnn._reorder_convolution_weight(turned, self.padding, *PLAIN, list(gradient.shape))
            self.kept = made_of, packed
        return torch.ops.mkldnn._convolution_pointwise(
            gradient, self.kept[1], None, self.padding, *PLAIN, "none", [], ""
        )


class Single(torch.autograd.Function):
    """A packed convolution of one image in the graph."""

    @staticmethod
    def forward(ctx, x: Tensor, packed: Packed) -> Tensor:
        ctx.packed = packed
        return packed.convolution(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.packed.backward(gradient), None
