"""GAIA-A: channel-wise average abnormality, with every fusion of the supplement's Table 3.

Chen et al., "GAIA: Delving into Gradient-based Attribution Abnormality for Out-of-distribution Detection" (NeurIPS
2023), supplement Eq. 7 to 11 and Section F, with the released code (JGEthanChen/GAIA-OOD). E_kl = E_inner_kl / E_out^q,
score: minus the mean of E_kl^2 over the channels of the attribution layers. Consumes the attribution pass (inner part)
and the features: the output part needs no backward pass, since the spatial mean of the last map's gradient of
sum_c log p_c is W^T (1 - C p) / (W H). Which map is the last one does not matter: the code takes layer4's output on
ResNet34 and the pooled output, W H = 1, on WRN-40-2 and BiT, here it is always the latter. Per network that is a
constant factor, which changes no ranking.

Columns: ``q=0.5`` (default, the released code), ``q=1``, ``q=2``; ``inner`` (q = 0); ``output`` (E_out alone, which is
high for confident inputs, so its sign is +); ``top1`` and ``direct``, the rows without the log-softmax. Paper and code
disagree on where the absolute value stands: plain names take the absolute value of the spatial mean (code), names with
`` mean_abs`` the spatial mean of absolute values (Eq. 7 as printed). The default is the code's, which the printed
numbers came from as far as can be seen, and whose |mean| is GradCAM's weight of a channel, as Section C has it. They
disagree on E_out as well, which Eq. 7 sums over channels and the code averages: per network a constant factor again.
``q=0.5 layer=...`` is one layer, for Figure 3 of
the supplement; ``q=0.5 block=...`` one block and ``q=0.5 from=...`` it and all later ones, for Figure 4 of the paper.

The layers are the network's late ones: blocks 3 and 4 of ResNet34, as in the released commands for CIFAR (supplement
A.1 speaks of the last block only), the last two blocks of the other ResNets, and all layers of WRN and BiT, as in the
code, and of networks for which GAIA prints nothing and whose layers are not all in blocks (DenseNets). The option
``layers``, prefixes of names, overrides them.
"""

import numpy as np
from scipy.special import softmax

from ood.detectors import Attributions, Detector, Features
from ood.passes import layers

FLOOR = np.finfo(float).eps  # below it the output component of a near-uniform prediction is rounding only


def output_component(features: Features) -> np.ndarray:
    """E_out, mean_j |W^T (1 - C p)|_j, (N,): Eq. 7 up to the constant 1/(W H). Zero only for a uniform prediction."""
    residual = 1 - features.z.shape[1] * softmax(features.z, axis=1)
    return np.abs(residual @ features.weight).mean(axis=1)


class Method(Detector):
    consumes = "attributions"
    needs_blocks = True
    gradient = True
    default = "q=0.5"

    layers: tuple[str, ...] | None = None

    def score(self, images: Attributions, fitted: None) -> dict[str, np.ndarray]:
        output = np.maximum(output_component(images.features), FLOOR)
        columns = {"output": output}
        chosen = images.late if self.layers is None else self.layers
        for reduction, suffix in (("abs_mean", ""), ("mean_abs", " mean_abs")):
            inner = layers.mean(images, f"inner.{reduction}", chosen)
            columns |= {f"q={q:g}{suffix}": -inner / output ** (2 * q) for q in (0.5, 1, 2)}
            columns[f"inner{suffix}"] = -inner
            for row in ("top1", "direct"):
                columns[f"{row}{suffix}"] = -layers.mean(images, f"{row}.{reduction}", chosen)
        for name in images.layers:
            columns[f"q=0.5 layer={name}"] = -layers.mean(images, "inner.abs_mean", (name,)) / output
        for column, prefixes in layers.of_blocks(images).items():
            columns[f"q=0.5 {column}"] = -layers.mean(images, "inner.abs_mean", prefixes) / output
        layers.log_silent(columns[self.default])
        return columns
