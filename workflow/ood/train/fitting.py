"""Fit a network to images by a recipe, so that a fit which is killed can be gone on with."""

import math
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ood import device as devices
from ood.errors import Problem
from ood.progress import clock, log
from ood.train import states
from ood.train.augmentation import Moves
from ood.train.recipe import Training
from ood.train.resident import Resident
from ood.train.stopwatch import Stopwatch


@dataclass
class History:
    """The mean loss of each epoch; of the epochs of this process the seconds, and those spent waiting for data."""

    losses: list[float] = field(default_factory=list)
    resumed: int = 0
    seconds: list[float] = field(default_factory=list)
    waiting: float = 0.0


def optimiser(network: nn.Module, recipe: Training) -> torch.optim.Optimizer:
    """The recipe's, over all parameters of the network."""
    options = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay, "fused": True}
    if recipe.optimiser == "adam":
        return torch.optim.Adam(network.parameters(), **options)
    return torch.optim.SGD(network.parameters(), momentum=recipe.momentum, nesterov=recipe.nesterov, **options)


class Trainer:
    """A network in training: all that changes from step to step, so that it can be saved and restored."""

    def __init__(self, network: nn.Module, data: Resident, recipe: Training, seed: int):
        self.network, self.data, self.recipe = network, data, recipe
        self.precision = devices.precision(recipe.precision, data.device)
        self.per_epoch = len(data) // recipe.batch  # the last, smaller batch is dropped: BatchNorm wants full ones
        self.optimiser = optimiser(network, recipe)
        self.generator = torch.Generator().manual_seed(seed)
        self.waiting = Stopwatch(data.device)
        self.history = History()

    def state(self) -> dict[str, Any]:
        """Tensors and plain values. The random numbers: of order and augmentation, and torch's own, for dropout."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "cpu": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state() if self.data.device.type == "cuda" else None,
            "losses": self.history.losses,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["cpu"])
        if state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"])
        self.history.losses, self.history.resumed = state["losses"], len(state["losses"])

    def batches(self) -> Iterator[tuple[Tensor, Moves | None]]:
        """An epoch's batches in random order, each the numbers of its images and how to move them.

        All are drawn at once, on the CPU, so that they are the same on every device and no step waits for the host.
        """
        recipe, device = self.recipe, self.data.device
        seen = self.per_epoch * recipe.batch
        order = torch.randperm(len(self.data), generator=self.generator)[:seen].to(device).split(recipe.batch)
        if not (recipe.shift or recipe.flip):
            return zip(order, repeat(None), strict=False)
        moves = Moves.draw(seen, recipe.shift, recipe.flip, self.generator).to(device)
        return zip(order, moves.split(recipe.batch), strict=True)

    def epoch(self) -> None:
        """One pass over the images. The host waits for the device only at its end."""
        began, recipe, device = time.monotonic(), self.recipe, self.data.device
        total = torch.zeros((), dtype=torch.float64, device=device)
        self.network.train()
        for step, (part, move) in enumerate(self.batches(), start=len(self.history.losses) * self.per_epoch):
            with self.waiting:
                x, y = self.data.inputs(part, move, recipe.shift), self.data.labels[part]
            with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
                loss = F.cross_entropy(self.network(x), y)
            for group in self.optimiser.param_groups:
                group["lr"] = recipe.learning_rate * recipe.factor_at(step, self.per_epoch)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            total += loss.detach()
        self.history.losses.append(total.item() / self.per_epoch)
        self.history.waiting += self.waiting.seconds()
        self.history.seconds.append(time.monotonic() - began)


def fit(network: nn.Module, data: Resident, recipe: Training, seed: int, folder: Path | None = None) -> History:
    """Train in place; every epoch's state goes to ``folder``, and a state that is there is gone on from.

    Raises Problem if it diverges or if there is less than a batch of images.
    """
    if len(data) < recipe.batch:
        raise Problem(
            f"{len(data)} training images are no batch: lower recipes.*.batch ({recipe.batch}) in config.yaml."
        )
    trainer = Trainer(network, data, recipe, seed)
    history = trainer.history
    if folder and (state := states.load(folder)):
        trainer.restore(state)
        log.info("going on after epoch %d of %d, where a run was stopped", history.resumed, recipe.epochs)
    for done in range(history.resumed + 1, recipe.epochs + 1):
        trainer.epoch()
        loss = history.losses[-1]
        if not math.isfinite(loss):
            raise Problem(f"training diverged in epoch {done}: lower recipes.*.learning_rate in config.yaml.")
        left = statistics.mean(history.seconds) * (recipe.epochs - done)
        log.info("epoch %d of %d: loss %.4f, %s left", done, recipe.epochs, loss, clock(left))
        if folder:
            states.save(folder, trainer.state())
    return history
