"""What scores cost, in bare forward passes of the same network over the same images: ``make bench-score``.

A bare pass is ``network(x)`` in inference mode, set up as in the workflow (frozen, channels last, one thread on a CPU).
All ways take turns in one run, and the medians of the turns' ratios count, so other work on the machine disturbs all of
them. Beside the workflow's ways stand two others: GAIA as its released code computes it (parameters collect gradients,
every map keeps its own, one ``backward`` over the full depth for each scalar), and pytorch-ood, one detector after the
other. What is fitted beforehand is counted for nobody. Images and weights are random: no time depends on them.

Memory is the peak of a process that does one thing, above what it held before; on a GPU, of torch's allocations. Only
some of the wide network's are shown: the narrow one's is less than what a process holds anyway.
"""

import multiprocessing
import statistics
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytorch_ood.detector as library
import torch
import torch.nn.functional as F
from torch import Tensor

from ood import detectors, networks
from ood import device as devices
from ood.detectors import Features, Labelled
from ood.evaluation.timing import features
from ood.passes.activity import activity
from ood.passes.attribution import attributions

TURNS, CLASSES, TRAIN = 3, 10, 2_000
GPU = torch.cuda.is_available()
CASES = {(8, 1): 64, (8, 128): 1024, (64, 1): 16, (64, 128): 128}  # width and batch -> images
if GPU:
    CASES = {(width, batch): 64 * batch for width, batch in CASES}
BARE, EXTRACTION, RELEASED = "bare pass", "GAIA family, all layers (extraction)", "GAIA-A as released"
WEIGHED = (BARE, EXTRACTION, RELEASED)
Batches = list[Tensor]
Way = Callable[[Batches], object]


def bare(network: networks.Classifier) -> Way:
    """A forward pass, and nothing else."""

    def passes(batches: Batches) -> None:
        with torch.inference_mode():
            for x in batches:
                network(x)

    return passes


def workflow(network: networks.Classifier, train: Labelled) -> dict[str, Way]:
    """This project's ways: of the features, of GAIA one by one, of GAIA together."""
    layers, late = network.attribution_layers(), network.late_layers()
    named = {name: detectors.method(name)() for name in detectors.names()}
    zoo = {name: method for name, method in named.items() if method.consumes == "features"}
    fitted = {name: method.fit(train, train) if method.needs_train else None for name, method in zoo.items()}

    def every_feature_score(batches: Batches) -> int:
        with torch.inference_mode():
            found = features(network)(torch.cat([network.features(x) for x in batches]))
        return sum(len(method.score(found, fitted[name])) for name, method in zoo.items())

    def forward_form(batches: Batches) -> list:
        with torch.inference_mode():
            return [activity(network, x, tuple(layers)) for x in batches]

    def gaia(*arguments) -> Way:
        return lambda batches: [attributions(network, x, *arguments) for x in batches]

    columns = every_feature_score([torch.randn(2, 3, 32, 32, device=network.head.weight.device)])
    return {
        f"{len(zoo)} feature methods, {columns} columns": every_feature_score,
        "GAIA-Z, forward form": forward_form,
        "GAIA-A": gaia(late, ("inner.abs_mean",)),
        "GAIA-Z": gaia(layers, ("top1.density",)),
        "GAIA family, late layers and forward form": gaia(late),
        "GAIA-A and GAIA-Z, all layers": gaia(layers, ("top1.density", "inner.abs_mean")),
        EXTRACTION: gaia(layers),
    }


def released(network: networks.Classifier) -> dict[str, Way]:
    """GAIA-A and GAIA-Z as in JGEthanChen/GAIA-OOD: as many full backward passes as scalars."""
    network.requires_grad_()
    layers = network.attribution_layers()

    def passes(x: Tensor, names: list[str], *scalars: Callable) -> list[list[Tensor]]:
        kept = []
        hooks = [
            layer.register_forward_hook(lambda module, inputs, output: (output.retain_grad(), kept.append(output))[0])
            for layer in (layers[name] for name in names)
        ]
        z = network(x)
        for hook in hooks:
            hook.remove()
        found = []
        for place, scalar in enumerate(scalars, 1):
            network.zero_grad()
            for output in kept:
                output.grad = None
            scalar(z, kept).backward(retain_graph=place < len(scalars))
            found.append([output.grad for output in kept])
        return found

    def gaia_a(batches: Batches) -> list[Tensor]:
        scores = []
        for x in batches:
            output, inner = passes(
                x,
                list(network.late_layers()),
                lambda z, maps: F.log_softmax(z, 1).sum(),
                lambda z, maps: maps[-1].mean((2, 3)).sum(),
            )
            total = torch.cat([gradient.mean((2, 3)).abs() for gradient in inner], 1).square().mean(1)
            scores.append(total / output[-1].mean((2, 3)).abs().mean(1))
        return scores

    def gaia_z(batches: Batches) -> list[Tensor]:
        scores = []
        for x in batches:
            (gradients,) = passes(x, list(layers), lambda z, maps: z.max(1).values.sum())
            scores.append(torch.cat([(g != 0).float().mean((2, 3)) for g in gradients], 1).square().mean(1))
        return scores

    return {RELEASED: gaia_a, "GAIA-Z as released": gaia_z}


def one_by_one(network: networks.Classifier, train: Labelled) -> dict[str, Way]:
    """pytorch-ood's detectors of features and logits, those that this project has too, each with its own pass."""
    device = network.head.weight.device
    h, z, labels = (torch.from_numpy(part).to(device) for part in (train.features.h, train.features.z, train.labels))
    known = [
        library.MaxSoftmax(network),
        library.MaxLogit(network),
        library.EnergyBased(network),
        library.GradNorm(network, param_filter=lambda name: name == "linear.weight"),  # the head's
        library.ReAct(network.features, network.head, threshold=1.0),
        library.KNN(network.features, k=50).fit_features(h.float(), labels),
        library.KLMatching(network).fit_logits(z.float()),
        library.Mahalanobis(network.features).fit_features(h.float(), labels),
    ]
    for detector in known:
        detector.to(str(device))

    def each(batches: Batches) -> None:
        with torch.no_grad():
            for detector in known:
                for x in batches:
                    detector.predict(x)

    return {f"pytorch-ood, {len(known)} methods, {len(known)} columns": each}


def ways(width: int) -> tuple[torch.device, dict[str, Way]]:
    """Every way on a ResNet34 of this width; the released one on a copy whose parameters collect gradients."""
    device = devices.deterministic()
    network, other = (
        networks.build("resnet34", CLASSES, {"width": width}).eval().to(device, memory_format=torch.channels_last)
        for _ in range(2)
    )
    network.requires_grad_(False)
    rng = np.random.default_rng(0)
    weight, bias = (part.cpu().double().numpy() for part in (network.head.weight, network.head.bias))
    h = np.abs(rng.normal(size=(TRAIN, weight.shape[1])))
    train = Labelled(Features(h, h @ weight.T + bias, weight, bias), rng.integers(0, CLASSES, TRAIN))

    return device, {BARE: bare(network), **workflow(network, train), **released(other), **one_by_one(network, train)}


def images(batch: int, count: int, device: torch.device) -> Batches:
    shape = (batch, 3, 32, 32)
    return [
        torch.randn(shape, device=device).to(memory_format=torch.channels_last) for _ in range(max(count // batch, 1))
    ]


def seconds(way: Way, batches: Batches) -> float:
    began = time.perf_counter()
    way(batches)
    if GPU:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def high_water() -> float:
    """The most bytes that this process has held (Linux); getrusage would count its parent's before it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * float(line.split()[1])


def peak(name: str, width: int, batch: int, count: int) -> float:
    """Bytes that a way takes at most, beyond network and images. To be called in a process of its own."""
    device, every = ways(width)
    batches = images(batch, count, device)
    if GPU:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        every[name](batches)
        return torch.cuda.max_memory_allocated() - before
    before = high_water()
    every[name](batches)
    return high_water() - before


def alone(name: str, width: int, batch: int, count: int) -> float:
    """``peak`` in a fresh process, in MB."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(peak, name, width, batch, count).result() / 2**20


def compared(title: str, every: dict[str, Way], batches: Batches, weighed: dict[str, tuple[float, float]]) -> None:
    """A table of all ways, in turns over the same images; MB of one batch and of four for those that were weighed."""
    for way in every.values():
        seconds(way, batches[:2])
    turns = [{name: seconds(way, batches) for name, way in every.items()} for _ in range(TURNS)]
    images = sum(len(x) for x in batches)
    print(
        f"\n{title}, {images} images, {devices.name(batches[0].device)}, {torch.get_num_threads()} thread; "
        f"median (range) of {TURNS} turns\n"
        f"{'':45s}  ms/image   bare passes{'   MB at the peak of 1 and of 4 batches' if weighed else ''}"
    )
    for name in every:
        ratios = [turn[name] / turn[BARE] for turn in turns]
        each = 1000 * statistics.median(turn[name] for turn in turns) / images
        spread = f"{statistics.median(ratios):5.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"{name:45s} {each:9.3f}   {spread:22s}" + "".join(f"{size:8.0f}" for size in weighed.get(name, ())))


def main() -> None:
    warnings.filterwarnings("ignore", "There is a performance drop")  # torch's, of pytorch-ood's GradNorm
    for (width, batch), count in CASES.items():
        device, every = ways(width)
        weighed = {}
        if width * batch == max(width * batch for width, batch in CASES):
            names = [name for name in every if name.startswith(WEIGHED)]
            weighed = {name: tuple(alone(name, width, batch, count) for count in (batch, 4 * batch)) for name in names}
        compared(f"ResNet34, width {width}, batch {batch}", every, images(batch, count, device), weighed)


if __name__ == "__main__":
    main()
