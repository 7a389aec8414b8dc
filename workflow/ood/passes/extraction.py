"""One pass of a checkpoint over a dataset: features for every image, attributions for the images to be scored."""

import json

import numpy as np
import torch
from safetensors.numpy import save_file

from ood import networks
from ood.data.index import column
from ood.data.loading import Form, batches, job_workers
from ood.device import deterministic
from ood.passes.attribution import attributions, blocks, channels
from ood.progress import track
from ood.step import Input, Output, Spec, run


def extract(
    weights: Input,
    card: Input,
    accepted: Input,
    images: Input,
    index: Input,
    features: Output,
    statistics: Output,
    spec: Spec,
) -> None:
    """Run the network once over all images of a dataset, in the order of its index.

    images: npy or tar (ood.data.prepare, ood.data.pack). spec: batch, and the ``normalisation`` of a set that has its
    own. ``accepted`` says that the checkpoint's accuracy lies in its band. features: safetensors with ``features`` (N,
    D) and ``logits`` (N, C), float32, and the head's ``weight`` (C, D) and ``bias`` (C,). statistics: safetensors with
    the (M, L) arrays of ood.passes.attribution for the M images of the split ``test``, and the number of channels of
    each layer. Its metadata has the layers' names, the prefixes of the late ones and of those of each block, and the
    name of the final one. A network without such layers, or without blocks, has none.
    """
    device = deterministic()
    network, facts = networks.load(weights, card)
    network.to(device, memory_format=torch.channels_last)
    final = network.final_norm()
    layers = network.attribution_layers() | final if network.blocks() else {}  # without blocks GAIA does not run
    form = Form.of(network, facts, spec.get("normalisation"))
    is_test = torch.from_numpy(column(index, "split") == "test")
    inputs = batches(images, index, np.arange(len(is_test)), form, spec["batch"], device, job_workers())
    parts: dict[str, list[np.ndarray]] = {}

    def keep(name: str, values: torch.Tensor) -> None:
        parts.setdefault(name, []).append(values.cpu().numpy())

    wanted = (is_test if layers else torch.zeros_like(is_test)).split(spec["batch"])
    for x, scored in track(zip(inputs, wanted, strict=True), "batch", len(wanted)):
        h = torch.empty(len(x), network.head.in_features, device=device)
        if not scored.all():
            with torch.inference_mode():
                h[~scored] = network.features(x[~scored])
        if scored.any():
            h[scored], found = attributions(network, x[scored], layers)
            for name, values in found.items():
                keep(name, values)
        keep("features", h)
        with torch.inference_mode():
            keep("logits", network.head(h))
    arrays = {name: np.concatenate(parts.pop(name)) for name in list(parts)}
    head = {"weight": network.head.weight.cpu().numpy(), "bias": network.head.bias.cpu().numpy()}
    save_file({"features": arrays.pop("features"), "logits": arrays.pop("logits"), **head}, features)
    arrays["channels"] = np.array([channels(layer) for layer in layers.values()])
    about = {"layers": list(layers), "late": network.late, "final": list(final), "blocks": blocks(network)}
    save_file(arrays, statistics, metadata={"ood": json.dumps(about)})  # one entry: several have no fixed order


if __name__ == "__main__":
    run(extract, roots=lambda arguments: (f"ood.networks.{arguments['spec']['network']}",))
