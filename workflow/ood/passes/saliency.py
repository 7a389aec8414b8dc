"""LayerCAM: where in an image a network sees its predicted class, at each depth.

Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization" (TIP 2021), Eq. 5 and 6. With a
layer's output A^k (K channels) and the largest logit z_y, the map is ReLU(sum_k ReLU(d z_y/d A^k) A^k), element by
element, brought to the image's size (bilinear) and divided by its largest value. GAIA's supplement shows it in Figure 1
for VGG16, without saying for which class; the paper on LayerCAM besides lifts the maps of the first blocks by a tanh,
which is left out.
"""

from contextlib import ExitStack

import torch
import torch.nn.functional as F
from torch import Tensor

from ood.errors import Problem
from ood.networks import Classifier


def top_gradients(
    network: Classifier, x: Tensor, layers: dict[str, torch.nn.Module]
) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs A of layers in forward order, and the largest logit's gradients d z_y/d A: each (N, K, H, W), or none.

    ``network`` is in eval mode with frozen parameters and stays so.
    """
    if not layers:
        return [], []
    outputs: list[Tensor] = []

    def tap(module: torch.nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        if not outputs:  # the graph starts here
            output = output.detach().requires_grad_()
        outputs.append(output)
        return output

    with ExitStack() as hooks, torch.enable_grad():
        for layer in layers.values():
            hooks.enter_context(layer.register_forward_hook(tap))
        top = network(x).amax(1).sum()  # a sum over images: none sees its neighbours
    gradients = torch.autograd.grad(top, outputs)
    return [output.detach() for output in outputs], list(gradients)


def layercam(network: Classifier, x: Tensor) -> dict[str, Tensor]:
    """Maps (N, H, W) in [0, 1] of images (N, channels, H, W), by the name of the network's saliency layer.

    ``network`` is in eval mode with frozen parameters and stays so. A map without a positive entry is zero. Raises
    Problem for a network without saliency layers.
    """
    layers = network.saliency_layers()
    if not layers:
        raise Problem(f"{type(network).__module__}: this network has no blocks, at whose ends LayerCAM could look.")
    maps = {}
    for name, output, gradient in zip(layers, *top_gradients(network, x, layers), strict=True):
        cam = F.relu((F.relu(gradient) * output).sum(1, keepdim=True))
        cam = F.interpolate(cam, size=x.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
        largest = cam.amax((1, 2), keepdim=True)
        maps[name] = cam / torch.where(largest > 0, largest, 1)
    return maps
