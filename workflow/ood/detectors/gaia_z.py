"""GAIA-Z: zero-deflation abnormality.

Chen et al., "GAIA: Delving into Gradient-based Attribution Abnormality for Out-of-distribution Detection" (NeurIPS
2023), with the released code (JGEthanChen/GAIA-OOD). E_kl is the share of non-zero entries in the gradient of the
largest logit with respect to channel k of attribution layer l; the score is minus the mean of E_kl^2 over all channels
of all layers, which ranks like minus the Frobenius norm of the matrix (E_kl). Consumes the attribution pass.

``all`` (default) takes every BatchNorm layer, those of shortcuts too, as the released commands for CIFAR do (36 on
ResNet34, as in the supplement's Figure 3), although supplement A.1 speaks of the last block only; ``late`` takes those
of GAIA-A (or of the option ``layers``, prefixes of names), on ResNet-50 the released code's for GAIA-Z as well. The
columns ``layer=...`` are one layer each, for the supplement's Figure 3, ``block=...`` one block and ``from=...`` it and
all later ones, for Figure 4 of the paper. ``forward all``, ``forward late`` and ``forward with final norm`` are the
same without a gradient, from the share of active positions behind each layer (ood.passes.activity says where they
differ), for networks with a ReLU behind each attribution layer.

On BiT the code takes the nine GroupNorms of block 4 and a tenth tensor, chosen by the name of the OOD set: for Textures
the GroupNorm before the head; for iNaturalist, SUN and Places the pooled output, whose gradient has no zeros, so that
it changes no ranking. Here each is one variant for every OOD set: ``all`` the nine, ``with final norm`` all ten. The
default is the former, as the code's numbers for three of the four OOD sets would be its own. A detector that chose by
the OOD set's name, as the code does, would know what it is to find out.
"""

import numpy as np

from ood.detectors import Attributions, Detector
from ood.passes import layers


class Method(Detector):
    consumes = "attributions"
    needs_blocks = True
    gradient = True
    default = "all"

    layers: tuple[str, ...] | None = None

    def score(self, images: Attributions, fitted: None) -> dict[str, np.ndarray]:
        late = images.late if self.layers is None else self.layers
        sets = {"all": (), "late": late, **{f"layer={name}": (name,) for name in images.layers}}
        sets |= layers.of_blocks(images)
        if images.final:
            sets["with final norm"] = images.layers
        columns = {column: -layers.mean(images, "top1.density", prefixes) for column, prefixes in sets.items()}
        if "active.density" in images.statistics:
            forward = [column for column in ("all", "late", "with final norm") if column in sets]
            columns |= {f"forward {column}": -layers.mean(images, "active.density", sets[column]) for column in forward}
        layers.log_silent(columns[self.default])
        return columns
