"""Milliseconds per image by method and batch, for GAIA's Table 1: wall time from a batch on the device to its scores.

All methods take turns on the same images, so what else the machine does meets all of them; a turn's time is that of
all its batches. Loading is not counted, nor what a method learns beforehand. Each method runs alone, as in the paper:
GAIA only as deep as it must, ODIN and RankFeat with all their variants. The workflow itself serves all methods of
features with one pass.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ood import detectors, networks
from ood.data.index import column
from ood.detectors import Attributions, Features, Images
from ood.detectors.gaia_a import output_component
from ood.device import name
from ood.errors import Problem
from ood.evaluation import statistics
from ood.evaluation.score import opened
from ood.passes.attribution import attributions, channels
from ood.passes.layers import mean
from ood.progress import track
from ood.step import Input, Output, Spec, run

THRESHOLD = {"fixed": 1.0}  # ReAct's: which number is clipped at costs the same
Way = Callable[[Tensor], object]


def features(network: networks.Classifier) -> Callable[[Tensor], Features]:
    """A function from penultimate features (N, D) to what detectors of features get; the head is converted once."""

    def array(part: Tensor) -> np.ndarray:
        return part.detach().cpu().numpy().astype(float)

    weight, bias = array(network.head.weight), array(network.head.bias)

    def of(h: Tensor) -> Features:
        with torch.inference_mode():
            return Features(array(h), array(network.head(h)), weight, bias)

    return of


def chosen(network: networks.Classifier, prefixes: tuple[str, ...] | None) -> dict[str, nn.Module]:
    """The layers that GAIA-A reads: those of its option ``layers``, prefixes of names, or for None the late ones.

    All where no prefix is given or none fits; ``ood.passes.layers.mean`` refuses the latter.
    """
    if prefixes is None:
        return network.late_layers()
    every = network.attribution_layers()
    return {name: layer for name, layer in (every | network.final_norm()).items() if name.startswith(prefixes)} or every


def ways(network: networks.Classifier, std: list[float], options: dict[str, dict]) -> dict[str, Way]:
    """A function from a batch to its scores for each method of ``options``.

    Their defaults: GAIA-Z's reads all layers, whatever its option ``layers`` says of its late ones.
    """
    to_features = features(network)

    def of_features(method: str) -> Way:
        detector = detectors.method(method)(**options[method])

        def way(x: Tensor) -> object:
            with torch.inference_mode():
                h = network.features(x)
            return detector.score(to_features(h), THRESHOLD)

        return way

    def of_network(method: str) -> Way:
        detector = detectors.method(method)(**options[method])
        return lambda x: detector.score(Images(network, [x], std), None)

    prefixes = detectors.method("gaia_a")(**options.get("gaia_a", {})).layers
    layers = chosen(network, prefixes)

    def gaia_a(x: Tensor) -> np.ndarray:
        images = attributed(x, layers, "inner.abs_mean")
        return -mean(images, "inner.abs_mean", prefixes or ()) / output_component(images.features)

    def gaia_z(x: Tensor) -> np.ndarray:
        return -mean(attributed(x, network.attribution_layers(), "top1.density"), "top1.density")

    def attributed(x: Tensor, layers: dict[str, nn.Module], statistic: str) -> Attributions:
        h, found = attributions(network, x, layers, (statistic,))
        counts = np.array([channels(layer) for layer in layers.values()])
        return Attributions(to_features(h), tuple(layers), (), counts, {statistic: found[statistic].cpu().numpy()})

    def way(method: str) -> Way:
        own = {"gaia_a": gaia_a, "gaia_z": gaia_z}
        return own.get(method) or (of_network if detectors.method(method).consumes == "network" else of_features)(
            method
        )

    return {method: way(method) for method in options}


def counted(batches: list[int], most: int, held: int) -> dict[int, int]:
    """How many of ``held`` test images are timed in each batch: whole batches of at most ``most``, but at least one.

    Raises Problem for a batch that the images do not fill: its times would stand under a size that it has not.
    """
    if max(batches) > held:
        raise Problem(
            f"a batch of {max(batches)} cannot be timed on {held} test images. Leave it out of the benchmark's key "
            "'timed' in config.yaml, or give a dataset that has more of them."
        )
    return {batch: max(min(most, held) // batch, 1) * batch for batch in batches}


def timing(
    weights: Input, card: Input, accepted: Input, images: Input, index: Input, times: Output, spec: Spec
) -> None:
    """Time methods on the first images of the in-distribution test split.

    spec: benchmark, network, options (of each method), batches (sizes), images (so many, or one batch), turns. times:
    parquet with the columns of a benchmark's cells (ood.evaluation.cells): detector, variant (``alone``), dataset
    (``batch 128``), metric (``ms``), ``values`` one per turn; and the device. Raises Problem for too few images.
    """
    test = np.flatnonzero(column(index, "split") == "test")
    counts, rows = counted(spec["batches"], spec["images"], len(test)), []
    chosen = test[: max(counts.values())]
    network, inputs, std = opened(weights, card, max(counts))(images, index, chosen)
    device, every, x = network.head.weight.device, ways(network, std, spec["options"]), torch.cat(list(inputs))
    for batch, count in counts.items():
        ready = x[:count].split(batch)
        for way in every.values():
            way(ready[0])
        turns = [
            {method: clock(way, ready, device) for method, way in every.items()}
            for _ in track(range(spec["turns"]), f"batch {batch}, turn", spec["turns"])
        ]
        for method in every:
            values = [1000 * turn[method] / count for turn in turns]
            rows.append(
                {
                    "detector": method,
                    "variant": "alone",
                    "dataset": f"batch {batch}",
                    "metric": "ms",
                    "seeds": list(range(spec["turns"])),
                    "values": values,
                    "mean": sum(values) / len(values),
                    "std": statistics.sample_std(values),
                }
            )
    pd.DataFrame(rows).assign(benchmark=spec["benchmark"], device=name(device)).to_parquet(times, index=False)


def modules(network: str, options: dict, **_: Any) -> tuple[str, ...]:
    """The code that a specification names."""
    return (f"ood.networks.{network}", *(f"ood.detectors.{method}" for method in options))


def clock(way: Way, ready: Sequence[Tensor], device: torch.device) -> float:
    """Seconds for all batches."""
    began = time.perf_counter()
    for x in ready:
        way(x)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


if __name__ == "__main__":
    run(timing, roots=lambda arguments: modules(**arguments["spec"]))
