"""Images per second of this project's training loop and of the conventional one, side by side: ``make bench-train``.

Conventional: a dataset of PIL images, torchvision's transforms, a DataLoader with a worker per core, the loss read at
each step, PyTorch's default settings. Both train the same network with the same recipe (GAIA's) and batch on the same
images, end to end but for the first epoch, which warms up. On a CPU both do so in two ways: one seed with all threads,
and a seed per core with one thread each, as the workflow trains the seeds of a benchmark; the rates of seeds add up.
The epochs are short, so the workers live on between them: their start would count for more than it does in a real
training. Other work on the machine disturbs both loops; they take turns, and medians count.
"""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from ood import device as devices
from ood import networks
from ood.train.fitting import fit
from ood.train.recipe import Training
from ood.train.resident import Resident

TURNS, EPOCHS = 4, 3
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
GPU = torch.cuda.is_available()
WIDTH, COUNT = (64, 25_600) if GPU else (8, 1_536)
THREADS = torch.get_num_threads()
RECIPE = {
    "epochs": EPOCHS,
    "batch": 128,
    "optimiser": "sgd",
    "learning_rate": 0.1,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "schedule": "cosine",
    "shift": 4,
    "flip": True,
}
Rate = tuple[float, float]  # images per second, share of the time spent waiting for data


class Pictures(Dataset):
    """As torchvision.datasets.CIFAR10: an array in memory, each image a PIL image on its way through the transforms."""

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        self.images, self.labels = images, labels
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[place])), int(self.labels[place])


@contextmanager
def default_settings(threads: int):
    """PyTorch as it starts, with cuDNN free to choose its kernels, instead of as ood.device sets it."""
    torch.set_deterministic_debug_mode("default")
    torch.backends.cudnn.benchmark = torch.backends.cudnn.allow_tf32 = True
    torch.set_num_threads(threads)
    yield torch.device("cuda" if GPU else "cpu")


def conventional(images: np.ndarray, labels: np.ndarray, recipe: Training) -> Rate:
    with default_settings(recipe.threads) as device:
        network = networks.build("resnet34", 10, {"width": WIDTH}).to(device)
        optimiser = torch.optim.SGD(
            network.parameters(), recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.epochs)
        loader = DataLoader(
            Pictures(images, labels),
            recipe.batch,
            shuffle=True,
            drop_last=True,
            num_workers=recipe.threads,
            pin_memory=GPU,
            persistent_workers=True,
        )
        seconds, waiting = [], []
        network.train()
        for _ in range(recipe.epochs):
            began = last = time.perf_counter()
            waited = total = 0.0
            for x, y in loader:
                x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
                waited += time.perf_counter() - last
                with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
                    loss = F.cross_entropy(network(x), y)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                total += loss.item()
                last = time.perf_counter()
            schedule.step()
            seconds.append(time.perf_counter() - began)
            waiting.append(waited)
    return len(images) * (recipe.epochs - 1) / sum(seconds[1:]), sum(waiting[1:]) / sum(seconds[1:])


def ours(images: np.ndarray, labels: np.ndarray, recipe: Training) -> Rate:
    device = devices.deterministic(threads=recipe.threads)
    network = networks.build("resnet34", 10, {"width": WIDTH}).to(device, memory_format=torch.channels_last)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:  # the state of each epoch is saved, as in a real training
        history = fit(network, Resident(images, labels, 32, MEAN, STD, device), recipe, 0, Path(folder))
    seconds = time.perf_counter() - began - history.seconds[0]
    return len(images) * (recipe.epochs - 1) / seconds, history.waiting / sum(history.seconds)


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):7.0f} ({min(values):.0f} to {max(values):.0f})"


def seeds_at_once(pool: ProcessPoolExecutor, loop: Callable, *arguments) -> Rate:
    """Every core trains a seed: the sum of the rates, and the mean share of waiting."""
    rates, waits = zip(*pool.map(loop, *([argument] * THREADS for argument in arguments)), strict=True)
    return sum(rates), statistics.mean(waits)


def main() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, COUNT)
    device = torch.device("cuda" if GPU else "cpu")
    print(
        f"ResNet34, width {WIDTH}, {COUNT} images of 32x32 per epoch, batch {RECIPE['batch']}, {devices.name(device)}, "
        f"{THREADS} threads; median (range) of {TURNS} turns each"
    )
    print("precision seeds at once   images/s: conventional                    ours   ratio               waiting")
    usual = best = 0.0
    with ProcessPoolExecutor(THREADS, multiprocessing.get_context("spawn")) as pool:
        for precision in dict.fromkeys(("float32", devices.precision("bfloat16", device))):
            for seeds in [1] if GPU else [1, THREADS]:
                recipe = Training(**RECIPE, precision=precision, threads=THREADS // seeds)
                given = (images, labels, recipe)
                turns = [
                    [loop(*given) if seeds == 1 else seeds_at_once(pool, loop, *given) for loop in (conventional, ours)]
                    for _ in range(TURNS)
                ]
                theirs, mine = ([turn[place][0] for turn in turns] for place in (0, 1))
                ratios = [second / first for first, second in zip(theirs, mine, strict=True)]
                usual = usual or statistics.median(theirs)  # one training, float32, all threads: as people write it
                best = max(best, statistics.median(mine))
                waits = [statistics.median(turn[place][1] for turn in turns) for place in (0, 1)]
                print(
                    f"{precision:9s} {seeds:13d} {spread(theirs):>27s} {spread(mine):>24s}   "
                    f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})   "
                    f"{waits[0]:.1%} and {waits[1]:.1%}",
                    flush=True,
                )
    print(f"This loop at its best against the conventional one as usual (float32, one seed): {best / usual:.2f}")


if __name__ == "__main__":
    main()
