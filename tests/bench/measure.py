"""Ways to compute something, side by side over the same images: their times in turns, and what each holds in memory.

All ways take turns in one run, and the medians of the turns' ratios count, so other work on the machine disturbs all of
them. Memory is the peak of a process that does one thing, above what it held before; on a GPU, of torch's allocations.
"""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from ood import device as devices
from ood import networks

TURNS = 3
BARE = "bare pass"
Batches = list[Tensor]
Way = Callable[[Batches], object]


def bare(network: networks.Classifier) -> Way:
    """A forward pass, and nothing else."""

    def passes(batches: Batches) -> None:
        with torch.inference_mode():
            for x in batches:
                network(x)

    return passes


def all_devices() -> list[torch.device]:
    """The CPU, one thread of it, and the GPU if there is one; both repeatable, as in the workflow."""
    found = devices.deterministic()
    return list(dict.fromkeys([torch.device("cpu"), found]))


def frozen(name: str, classes: int, options: dict, device: torch.device) -> networks.Classifier:
    """A network with random weights as a job has it: in eval mode, without parameter gradients, channels last."""
    network = networks.build(name, classes, options).eval().requires_grad_(False)
    return network.to(device, memory_format=torch.channels_last)


def images(shape: tuple[int, ...], batches: int, device: torch.device) -> Batches:
    """Random ones, the same each time."""
    torch.manual_seed(0)
    return [torch.randn(shape, device=device).to(memory_format=torch.channels_last) for _ in range(batches)]


def seconds(way: Way, batches: Batches) -> float:
    began = time.perf_counter()
    way(batches)
    if batches[0].is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def compared(every: dict[str, Way], batches: Batches) -> pd.Series:
    """By way, its time in bare passes, median and range over the turns; named after the bare pass's own."""
    for way in every.values():
        seconds(way, batches[:2])
    turns = pd.DataFrame([{name: seconds(way, batches) for name, way in every.items()} for _ in range(TURNS)])
    ratios = turns.div(turns[BARE], axis=0)
    each = 1000 * turns[BARE].median() / sum(len(x) for x in batches)
    return pd.Series(
        {name: f"{ratio.median():.2f} ({ratio.min():.2f} to {ratio.max():.2f})" for name, ratio in ratios.items()},
        name=f"{each:.3g} ms/image",
    )


def high_water() -> float:
    """The most bytes that this process has held (Linux); getrusage would count its parent's before it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * float(line.split()[1])


def peak(way: Way, batches: Batches) -> float:
    """Bytes that a way takes at most, beyond what this process has, which should do nothing else."""
    if batches[0].is_cuda:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        way(batches)
        return torch.cuda.max_memory_allocated() - before
    before = high_water()
    way(batches)
    return high_water() - before


def alone(function: Callable, *arguments: object) -> float:
    """What a function gives in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def show(title: str, device: torch.device, columns: dict[str, pd.Series]) -> None:
    """One table of what was ``compared``, or weighed; a column is headed by its case, and below by its name."""
    table = pd.DataFrame({(case, column.name): column for case, column in columns.items()})
    print(f"\n{title}, {devices.name(device)}; in bare passes, median (range) of {TURNS} turns\n{table.to_string()}")
