"""What scores cost, in bare forward passes of the same network over the same images: ``make bench-score``.

A bare pass is ``network(x)`` in inference mode, set up as in the workflow (frozen, channels last, one thread on a CPU).
Beside the workflow's ways stand two others: GAIA as its released code computes it (parameters collect gradients, every
map keeps its own, one ``backward`` over the full depth for each scalar), and pytorch-ood, one detector after the other,
for those columns of the workflow's that it has. What is fitted beforehand is counted for nobody. Images and weights are
random: no time depends on them.

The last columns are the peaks of memory of one batch and of four, of the wide network only: the narrow one's is less
than what a process holds anyway.
"""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytorch_ood.detector as library
import torch
import torch.nn.functional as F
from measure import BARE, Batches, Way, all_devices, alone, bare, compared, frozen, images, peak, show
from torch import Tensor

from ood import detectors, networks
from ood import device as devices
from ood.detectors import Features, Labelled
from ood.evaluation.timing import features
from ood.passes.activity import activity
from ood.passes.attribution import attributions

CLASSES, TRAIN = 10, 2_000
CASES = {(8, 1): 64, (8, 128): 8, (64, 1): 16, (64, 128): 1}  # width and batch -> batches on a CPU
ON_GPU = 64  # batches


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
        "GAIA family, all layers (extraction)": gaia(layers),
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

    return {"GAIA-A as released": gaia_a, "GAIA-Z as released": gaia_z}


def one_by_one(network: networks.Classifier, train: Labelled) -> dict[str, Way]:
    """pytorch-ood's detectors of features and logits, one per column that this project has too, with its passes."""
    device = network.head.weight.device
    h, z, labels = (torch.from_numpy(part).to(device) for part in (train.features.h, train.features.z, train.labels))
    clip = float(np.percentile(train.features.h, 90))
    known = [
        library.MaxSoftmax(network),
        library.MaxLogit(network),
        library.EnergyBased(network),
        library.GradNorm(network, param_filter=lambda name: name == "linear.weight"),  # the head's
        library.GradNorm(network, param_filter=lambda name: name.startswith("linear.")),
        # The four rules for its threshold; the two percentiles are of the same random numbers here.
        *(library.ReAct(network.features, network.head, threshold=at) for at in (clip, clip, 1.0, 1.25)),
        *(library.KNN(network.features, k=k).fit_features(h.float(), labels) for k in (50, 200, 1000)),
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

    return {f"pytorch-ood, {len(known)} of these columns": each}


def ways(width: int, device: torch.device) -> dict[str, Way]:
    """Every way on a ResNet34 of this width; the released one on a copy whose parameters collect gradients."""
    network, other = (frozen("resnet34", CLASSES, {"width": width}, device) for _ in range(2))
    rng = np.random.default_rng(0)
    weight, bias = (part.cpu().double().numpy() for part in (network.head.weight, network.head.bias))
    h = np.abs(rng.normal(size=(TRAIN, weight.shape[1])))
    train = Labelled(Features(h, h @ weight.T + bias, weight, bias), rng.integers(0, CLASSES, TRAIN))
    return {BARE: bare(network), **workflow(network, train), **released(other), **one_by_one(network, train)}


def weighed(name: str, width: int, batch: int, batches: int, device: torch.device) -> float:
    """The peak of one way, in MB. To be called in a process of its own."""
    devices.deterministic()
    return peak(ways(width, device)[name], images((batch, 3, 32, 32), batches, device)) / 2**20


def main() -> None:
    warnings.filterwarnings("ignore", "There is a performance drop")  # torch's, of pytorch-ood's GradNorm
    for device in all_devices():
        columns = {}
        for (width, batch), batches in CASES.items():
            every = ways(width, device)
            given = images((batch, 3, 32, 32), batches if device.type == "cpu" else ON_GPU, device)
            columns[f"width {width}, batch {batch}"] = compared(every, given)
        for batches in (1, 4):
            each = {name: round(alone(weighed, name, width, batch, batches, device)) for name in every}
            columns["at the peak, 1 batch" if batches == 1 else f"{batches} batches"] = pd.Series(each, name="MB")
        show("ResNet34", device, columns)


if __name__ == "__main__":
    main()
