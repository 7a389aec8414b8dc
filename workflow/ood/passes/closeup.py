"""A close look into a benchmark's first network: gradients channel by channel, and saliency maps of a few images.

The statistics that serve the scores (ood.passes.attribution) are means over channels. GAIA's figures show the channels:
Figures 2 and 3 of the paper those of one layer of each block, Figure 1 of the supplement LayerCAM's maps by block.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor, nn

from ood import networks
from ood.data.index import column
from ood.data.loading import Form, batches, job_workers
from ood.device import deterministic
from ood.networks import Classifier
from ood.passes.activity import density
from ood.passes.attribution import abs_mean, blocks
from ood.passes.saliency import layercam, top_gradients
from ood.progress import track
from ood.step import Input, Inputs, Output, Spec, run


def last_layers(network: Classifier) -> dict[str, nn.Module]:
    """The last attribution layer of each block that has one, by name in forward order."""
    layers = network.attribution_layers()
    found = {block: [name for name in layers if name.startswith(block)] for block in blocks(network)}
    return {inside[-1]: layers[inside[-1]] for inside in found.values() if inside}


def spaced(rows: np.ndarray, count: int) -> np.ndarray:
    """At most so many of the rows, evenly spaced."""
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]


def by_channel(network: Classifier, inputs: Iterable[Tensor]) -> dict[str, np.ndarray]:
    """Means over images, (K,) by ``gradient/layer`` and ``nonzero/layer``, of the largest logit's gradients.

    ``gradient`` is |w_k|, the absolute spatial mean, which GradCAM weighs channel k with (GAIA supplement, Eq. 1);
    ``nonzero`` the share of positions that are not zero, of which GAIA-Z takes the square.
    """
    layers, parts = last_layers(network), {}
    for x in inputs:
        for name, gradient in zip(layers, top_gradients(network, x, layers)[1], strict=True):
            parts.setdefault(f"gradient/{name}", []).append(abs_mean(gradient).abs())
            parts.setdefault(f"nonzero/{name}", []).append(density(gradient))
    return {name: torch.cat(values).double().mean(0).cpu().numpy() for name, values in parts.items()}


def pictures(network: Classifier, inputs: Iterable[Tensor], form: Form) -> dict[str, np.ndarray]:
    """Of each image: itself, uint8 (N, H, W, channels) by ``image``; LayerCAM's maps (N, H, W) by ``saliency/block``;
    the share of channels (N, H_l, W_l) whose gradient is not zero at a position, by ``open/layer``."""
    layers, parts = last_layers(network), {}
    for x in inputs:
        shown = x.movedim(1, 3) * torch.tensor(form.std).to(x) + torch.tensor(form.mean).to(x)
        found = {"image": (255 * shown).round().clamp(0, 255).byte()}
        found |= {f"saliency/{name}": maps for name, maps in layercam(network, x).items()}
        for name, gradient in zip(layers, top_gradients(network, x, layers)[1], strict=True):
            found[f"open/{name}"] = gradient.ne(0).float().mean(1)
        for name, values in found.items():
            parts.setdefault(name, []).append(values.cpu())
    return {name: torch.cat(values).numpy() for name, values in parts.items()}


def closeup(
    weights: Input, card: Input, accepted: Input, images: Inputs, indices: Inputs, maps: Output, spec: Spec
) -> None:
    """Look at evenly spaced images of the split ``test`` of every dataset.

    spec: network, batch, datasets in the order of ``images`` and ``indices``, and of how many images of each there are
    means (``averaged``) and maps (``shown``), and ``normalisations`` of sets that have their own. ``accepted`` says
    that the checkpoint's accuracy lies in its band. maps: safetensors, the arrays of ``by_channel`` and ``pictures``
    with the dataset and a slash before their names.
    """
    device = deterministic()
    network, facts = networks.load(weights, card)
    network.to(device, memory_format=torch.channels_last)
    sources = list(zip(spec["datasets"], images, indices, strict=True))
    found = {}
    for dataset, stored, index in track(sources, "dataset", len(sources)):
        test = np.flatnonzero(column(index, "split") == "test")
        form = Form.of(network, facts, spec.get("normalisations", {}).get(dataset))

        def read(count: int, stored=stored, index=index, test=test, form=form) -> Iterator[Tensor]:
            return batches(stored, index, spaced(test, count), form, spec["batch"], device, job_workers())

        looked = by_channel(network, read(spec["averaged"])) | pictures(network, read(spec["shown"]), form)
        found |= {f"{dataset}/{name}": np.ascontiguousarray(values) for name, values in looked.items()}
    save_file(found, maps)


if __name__ == "__main__":
    run(closeup, roots=lambda arguments: (f"ood.networks.{arguments['spec']['network']}",))
