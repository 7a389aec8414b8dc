"""Train one network with one seed: prepared dataset -> checkpoint."""

import json
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from ood import networks
from ood.device import deterministic
from ood.errors import Problem
from ood.index import column
from ood.preprocessing import to_input
from ood.progress import log, track
from ood.recipe import Recipe
from ood.step import Input, Output, Spec, run


def shifted(x: Tensor, largest: int, generator: torch.Generator) -> Tensor:
    """Each image of (N, C, H, W) moved by up to ``largest`` pixels in each direction, zeros moving in."""
    if not largest:
        return x
    count, _, height, width = x.shape
    padded = F.pad(x, [largest] * 4)
    top, left = torch.randint(2 * largest + 1, (2, count, 1), generator=generator)
    rows = (top + torch.arange(height)).view(count, 1, height, 1)
    columns = (left + torch.arange(width)).view(count, 1, 1, width)
    images, channels = torch.arange(count).view(-1, 1, 1, 1), torch.arange(x.shape[1]).view(1, -1, 1, 1)
    return padded[images, channels, rows, columns]


def learning_rate(step: int, steps: int, warmup: float) -> float:
    """Factor on the recipe's learning rate before step ``step`` of ``steps``."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of right top-1 predictions in eval mode."""
    network.eval()
    with torch.inference_mode():
        right = [
            (network(part).argmax(1) == labels).sum() for part, labels in zip(x.split(256), y.split(256), strict=True)
        ]
    return float(sum(right)) / len(y)


def fit(network: nn.Module, x: Tensor, y: Tensor, recipe: Recipe, seed: int) -> list[float]:
    """Train in place on (N, C, H, W) images and (N,) labels; mean loss of each epoch.

    Raises Problem if it diverges or if there is less than a batch of images.
    """
    generator = torch.Generator().manual_seed(seed)
    if len(x) < recipe.batch:
        raise Problem(f"{len(x)} training images are no batch: lower recipes.*.batch ({recipe.batch}) in config.yaml.")
    optimizer = torch.optim.SGD(
        network.parameters(),
        recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
    )
    per_epoch = len(x) // recipe.batch  # the last, smaller batch of an epoch is dropped: BatchNorm wants full ones
    steps, warmup = recipe.epochs * per_epoch, recipe.warmup_epochs * per_epoch
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate(step, steps, warmup))
    losses = []
    for _ in track(range(recipe.epochs), "epoch", recipe.epochs):
        network.train()
        total = 0.0
        order = torch.randperm(len(x), generator=generator)[: per_epoch * recipe.batch]
        for part in order.view(per_epoch, recipe.batch):
            batch = shifted(x[part], recipe.shift, generator)
            loss = F.cross_entropy(network(batch.to(memory_format=torch.channels_last)), y[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        losses.append(total / per_epoch)
        if not math.isfinite(total):
            raise Problem(f"training diverged in epoch {len(losses)}: lower recipes.*.learning_rate in config.yaml.")
    return losses


def train(images: Input, index: Input, weights: Output, card: Output, spec: Spec) -> None:
    """Train on the split ``train`` and measure on ``test``; nothing is selected on ``test``.

    spec: seed, network, options, input size, recipe. weights: safetensors. card: JSON with all that is needed to use
    the network, its losses and its accuracies.
    """
    recipe, seed = Recipe(**spec["recipe"]), spec["seed"]
    began = time.monotonic()
    device = deterministic(seed)
    pixels, splits = np.load(images), column(index, "split")
    rows = {split: np.flatnonzero(splits == split) for split in np.unique(splits).tolist()}
    seen = pixels[rows["train"]] / 255
    mean, std = seen.mean(axis=(0, 1, 2)).tolist(), seen.std(axis=(0, 1, 2)).tolist()
    x, y = to_input(pixels, spec["size"], mean, std), torch.from_numpy(column(index, "label"))
    network = networks.build(spec["network"], int(y.max()) + 1, spec["options"])
    network.to(device, memory_format=torch.channels_last)
    x, y = x.to(device), y.to(device)
    losses = fit(network, x[rows["train"]], y[rows["train"]], recipe, seed)
    reached = {split: accuracy(network, x[members], y[members]) for split, members in rows.items()}
    log.info("seed %d: accuracy %s", seed, {split: f"{share:.2%}" for split, share in reached.items()})
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, weights)
    facts = {
        **spec,
        "classes": network.head.out_features,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "mean": mean,
        "std": std,
        "accuracy": reached,
        "losses": losses,
        "device": str(device),
    }
    card.write_text(json.dumps(facts, indent=1) + "\n")
    log.info("trained in %.0f s", time.monotonic() - began)


if __name__ == "__main__":
    run(train, roots=lambda arguments: (f"ood.networks.{arguments['spec']['network']}",))
