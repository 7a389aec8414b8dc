"""One pass of a checkpoint over a dataset: features for every image, attributions for the images to be scored."""

import numpy as np
import torch
from safetensors.numpy import save_file

from ood import networks
from ood.attribution import attributions
from ood.device import deterministic
from ood.index import column
from ood.preprocessing import to_input
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

    spec: batch. ``accepted`` says that the checkpoint's accuracy lies in its band. features: safetensors with
    ``features`` (N, D) and ``logits`` (N, C), float32, and the head's ``weight`` (C, D) and ``bias`` (C,).
    statistics: safetensors with the (M, L) arrays of ood.attribution for the M images of the split ``test``, and the
    number of channels of each layer; the layers' names are in its metadata.
    """
    device = deterministic()
    network, facts = networks.load(weights, card)
    network.to(device, memory_format=torch.channels_last)
    pixels = np.load(images, mmap_mode="r")
    is_test = torch.from_numpy(column(index, "split") == "test")
    parts: dict[str, list[np.ndarray]] = {}

    def keep(name: str, values: torch.Tensor) -> None:
        parts.setdefault(name, []).append(values.cpu().numpy())

    starts = range(0, len(pixels), spec["batch"])
    for start in track(starts, "batch", len(starts)):
        rows = slice(start, start + spec["batch"])
        x = to_input(np.array(pixels[rows]), facts["size"], facts["mean"], facts["std"])
        x = x.to(device, memory_format=torch.channels_last)
        scored = is_test[rows]
        h = torch.empty(len(x), network.head.in_features, device=device)
        if not scored.all():
            with torch.inference_mode():
                h[~scored] = network.features(x[~scored])
        if scored.any():
            h[scored], found = attributions(network, x[scored])
            for name, values in found.items():
                keep(name, values)
        keep("features", h)
        with torch.inference_mode():
            keep("logits", network.head(h))
    arrays = {name: np.concatenate(values) for name, values in parts.items()}
    head = {"weight": network.head.weight.cpu().numpy(), "bias": network.head.bias.cpu().numpy()}
    save_file({"features": arrays.pop("features"), "logits": arrays.pop("logits"), **head}, features)
    layers = network.attribution_layers()
    arrays["channels"] = np.array([layer.weight.numel() for layer in layers.values()])
    save_file(arrays, statistics, metadata={"layers": " ".join(layers)})


if __name__ == "__main__":
    run(extract, roots=lambda arguments: (f"ood.networks.{arguments['spec']['network']}",))
