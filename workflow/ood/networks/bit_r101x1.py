"""BiT-S R101x1 for ImageNet: timm's ResNetV2, with the constants of the Big Transfer code.

Kolesnikov et al., "Big Transfer (BiT): General Visual Representation Learning" (ECCV 2020): a pre-activation
ResNet-101 with GroupNorm and weight standardisation. Two published files fit: the original ``BiT-S-R101x1.npz``
(google-research/big_transfer), and ``BiT-S-R101x1-flat-finetune.pth.tar`` (deeplearning-wisc/large_scale_ood), to which
the published OOD numbers belong: the same frozen backbone with a new head, and its own order of classes.

Where timm departs from them: its weight standardisation adds 1e-8, theirs 1e-10; its head is a 1x1 convolution, here
a linear layer with the same numbers; its normalisation and ReLU are one module that works in place, here two that do
not, because GAIA reads between them.
"""

from collections.abc import Iterator
from functools import partial

from timm.layers import StdConv2d
from timm.models.resnetv2 import ResNetV2
from torch import Tensor, nn

from ood.networks import Classifier

UNITS = (3, 4, 23, 3)


def norm_relu(channels: int, **factory) -> nn.Sequential:
    return nn.Sequential(nn.GroupNorm(32, channels, **factory), nn.ReLU())


def names() -> Iterator[tuple[str, str, str]]:
    """Each tensor's name here, in the ``.npz`` file, and in the fine-tuned file."""
    yield "body.stem.conv.weight", "resnet/root_block/standardized_conv2d/kernel", "root.conv.weight"
    for stage, units in enumerate(UNITS):
        for unit in range(units):
            here = f"body.stages.{stage}.blocks.{unit}"
            npz, tuned = f"resnet/block{stage + 1}/unit{unit + 1:02d}", f"body.block{stage + 1}.unit{unit + 1:02d}"
            if unit == 0:
                projection = f"{npz}/a/proj/standardized_conv2d/kernel"
                yield f"{here}.downsample.conv.weight", projection, f"{tuned}.downsample.weight"
            for i, letter in enumerate("abc", start=1):
                yield f"{here}.norm{i}.0.weight", f"{npz}/{letter}/group_norm/gamma", f"{tuned}.gn{i}.weight"
                yield f"{here}.norm{i}.0.bias", f"{npz}/{letter}/group_norm/beta", f"{tuned}.gn{i}.bias"
                yield f"{here}.conv{i}.weight", f"{npz}/{letter}/standardized_conv2d/kernel", f"{tuned}.conv{i}.weight"
    yield "body.norm.0.weight", "resnet/group_norm/gamma", "before_head.gn.weight"
    yield "body.norm.0.bias", "resnet/group_norm/beta", "before_head.gn.bias"
    yield "head.weight", "resnet/head/conv2d/kernel", "head.conv.weight"
    yield "head.bias", "resnet/head/conv2d/bias", "head.conv.bias"


class Network(Classifier):
    """h: 2,048 components, all >= 0."""

    input_size = 480
    normalisation = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    preprocessing = "squash"

    def __init__(self, classes: int):
        super().__init__()
        convolution = partial(StdConv2d, eps=1e-10)
        self.body = ResNetV2(UNITS, num_classes=0, stem_type="fixed", conv_layer=convolution, norm_layer=norm_relu)
        self.head = nn.Linear(self.body.num_features, classes)

    def attribution_layers(self) -> dict[str, nn.Module]:
        """The 9 GroupNorm layers of the last stage, as in GAIA's released code.

        The supplement's Figure 3 shows all 101 on ImageNet. To read them the graph would have to begin at the stem, so
        that panel has these alone.
        """
        last = f"body.stages.{len(UNITS) - 1}."
        return {
            name: module
            for name, module in self.named_modules()
            if name.startswith(last) and isinstance(module, nn.GroupNorm)
        }

    def final_norm(self) -> dict[str, nn.Module]:
        return {"body.norm.0": self.body.norm[0]}

    def blocks(self) -> dict[str, nn.Module]:
        return {f"block{number}": stage for number, stage in enumerate(self.body.stages, start=1)}

    @classmethod
    def convert(cls, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """From either file: the ``.npz`` keeps kernels as (height, width, in, out)."""
        ours = {published: here for here, *others in names() for published in others}
        found = {}
        for name, value in state.items():
            if "/" in name and value.ndim == 4:
                value = value.permute(3, 2, 0, 1).contiguous()
            here = ours.get(name, name)
            found[here] = value.flatten(1) if here == "head.weight" else value
        return found

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)
