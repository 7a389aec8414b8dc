"""Take over a published checkpoint: weight file -> checkpoint, as if it had been trained here."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ood import device as devices
from ood.data.index import column
from ood.data.loading import Form, batches, is_pack, job_workers
from ood.data.pixels import moments
from ood.data.preprocessing import Constants
from ood.errors import Problem
from ood.ledger import sha256
from ood.progress import log, track
from ood.step import Input, Output, Spec, run
from ood.train import weights as published_weights


def reorder(head: nn.Linear, class_order: list[int]) -> None:
    """Bring the outputs of ``head`` to the dataset's order: output k stands for the label ``class_order[k]``.

    Raises Problem when the list is no permutation of the labels.
    """
    if sorted(class_order) != list(range(head.out_features)):
        raise Problem(
            f"weights.class_order in config.yaml: each of the labels 0 to {head.out_features - 1} is expected once, "
            f"in the order of the network's outputs; it has {len(class_order)} entries."
        )
    place = torch.tensor(class_order).argsort()
    with torch.no_grad():
        head.weight.copy_(head.weight[place].clone())
        head.bias.copy_(head.bias[place].clone())


def measured(images: Path, split: np.ndarray) -> Constants:
    """(mean, std) by channel of the training split. Raises Problem for a pack, whose pixels nobody has measured."""
    if is_pack(images):
        raise Problem(
            f"{images} holds encoded pictures, and neither their network nor workflow/resources/datasets.csv says the "
            "mean and std to normalise with. Fill in those columns."
        )
    return moments(np.load(images, mmap_mode="r")[split == "train"])


def accuracy(network: nn.Module, inputs: Iterable[Tensor], labels: np.ndarray) -> float:
    """Share of right top-1 predictions on the batches ``inputs``."""
    with torch.inference_mode():
        predicted = [network(x).argmax(1).cpu().numpy() for x in inputs]
    return float((np.concatenate(predicted) == labels).mean())


def adopt(published: Input, images: Input, index: Input, weights: Output, card: Output, spec: Spec) -> None:
    """Fit a published weight file to its network, without tolerance, and measure it on the in-distribution set.

    images: npy or tar (ood.data.prepare, ood.data.pack). spec: seed (0), network, options, input size; normalisation,
    the dataset's constants by channel, which yield to the network's own; splits whose accuracy is measured;
    class_order, or null for the dataset's; batch. weights: safetensors. card: JSON as ood.train.training writes it,
    with the published file's digest and no losses.
    """
    device = devices.deterministic()
    labels, split = column(index, "label"), column(index, "split")
    network = published_weights.load_published(spec["network"], int(labels.max()) + 1, spec["options"], published)
    if spec["class_order"]:
        reorder(network.head, spec["class_order"])
    mean, std = network.normalisation or spec["normalisation"] or measured(images, split)
    form = Form(spec["size"], mean, std, network.preprocessing)
    network.to(device, memory_format=torch.channels_last)
    reached = {}
    for name in spec["splits"]:
        rows = np.flatnonzero(split == name)
        inputs = batches(images, index, rows, form, spec["batch"], device, job_workers())
        inputs = track(inputs, f"{name} batch", -(-len(rows) // spec["batch"]))
        reached[name] = accuracy(network, inputs, labels[rows])
    log.info("%s: accuracy %s", published.name, {name: f"{share:.2%}" for name, share in reached.items()})
    save_file({name: tensor.contiguous() for name, tensor in network.cpu().state_dict().items()}, weights)
    facts = {
        **spec,
        "published": {"file": published.name, "sha256": sha256(published)},
        "classes": network.head.out_features,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "mean": mean,
        "std": std,
        "accuracy": reached,
        "losses": [],
        "device": devices.name(device),
    }
    card.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    run(adopt, roots=lambda arguments: (f"ood.networks.{arguments['spec']['network']}",))
