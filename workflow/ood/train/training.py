"""Train one network with one seed: prepared dataset -> checkpoint."""

import json
import time

import numpy as np
import torch
from safetensors.torch import save_file

from ood import device as devices
from ood import networks
from ood.data.index import column
from ood.data.pixels import moments
from ood.errors import Problem
from ood.progress import log
from ood.step import Input, Output, Spec, State, run
from ood.train import states
from ood.train.fitting import fit
from ood.train.recipe import Training
from ood.train.resident import Resident, accuracy


def train(images: Input, index: Input, weights: Output, card: Output, timing: Output, state: State, spec: Spec) -> None:
    """Train on the split ``train`` and measure on all of ``splits``; nothing is selected on ``test``.

    spec: seed, network, options, input size, recipe; normalisation, the dataset's (mean, std) by channel, which yield
    to the network's own, null for those of the training split; splits, those whose accuracy is measured. weights:
    safetensors. card: JSON with all that is needed to use the network, its losses and its accuracies; the same in
    every run. timing: JSON, what this run took, and where. state: what a killed run left to go on from.
    """
    recipe, seed = Training(**spec["recipe"]), spec["seed"]
    began = time.monotonic()
    device = devices.deterministic(seed, recipe.threads)
    precision = devices.precision(recipe.precision, device)
    pixels, labels, split = np.load(images, mmap_mode="r"), column(index, "label"), column(index, "split")

    def resident(name: str) -> Resident:
        rows = np.flatnonzero(split == name)
        if not len(rows):
            raise Problem(f"{index} has no image of the split '{name}'.")
        return Resident(pixels[rows], labels[rows], spec["size"], mean, std, device)

    network = networks.build(spec["network"], int(labels.max()) + 1, spec["options"])
    mean, std = network.normalisation or spec["normalisation"] or moments(pixels[split == "train"])
    network.to(device, memory_format=torch.channels_last)
    own = states.of(state, devices.name(device), precision)
    history = fit(network, resident("train"), recipe, seed, own)
    reached = {name: accuracy(network, resident(name)) for name in spec["splits"]}
    log.info("seed %d: accuracy %s", seed, {name: f"{share:.2%}" for name, share in reached.items()})
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, weights)
    facts = {
        **spec,
        "classes": network.head.out_features,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "mean": mean,
        "std": std,
        "accuracy": reached,
        "losses": history.losses,
        "device": devices.name(device),
        "precision": precision,
        "threads": recipe.threads,
    }
    card.write_text(json.dumps(facts, indent=1) + "\n")
    seen = int((split == "train").sum()) // recipe.batch * recipe.batch
    took = {
        "seconds": time.monotonic() - began,
        "epochs_taken_over": history.resumed,
        "seconds_per_epoch": history.seconds,
        "images_per_second": [seen / seconds for seconds in history.seconds],
        "waiting_for_data": history.waiting / sum(history.seconds) if history.seconds else 0.0,
        "torch": torch.__version__,
    }
    timing.write_text(json.dumps(took, indent=1) + "\n")


if __name__ == "__main__":
    run(train, roots=lambda arguments: (f"ood.networks.{arguments['spec']['network']}",))
