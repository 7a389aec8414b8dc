"""GAIA's figures from inside the network: saliency maps, gradients by channel, and what each block contributes."""

import re

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import COLOURS, ID_COLOUR, OOD_COLOUR, WIDTH, Drawn, save, style, wrapped

SHOWN = 5  # OOD pictures in a figure, of as many sets as there are


def _names(arrays: dict[str, np.ndarray], dataset: str, kind: str) -> list[str]:
    """The layers or blocks of which there are arrays of this kind, input to output."""
    found = [key.removeprefix(f"{dataset}/{kind}/") for key in arrays if key.startswith(f"{dataset}/{kind}/")]
    return sorted(found, key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)])


def _pictured(evidence: Evidence, benchmark: str, kind: str, artifact: str, caption: str, source: str) -> Drawn:
    with style():
        figure = _maps(evidence, benchmark, kind)
    text = f"{caption}: {evidence.first(benchmark)} ({source})."
    return save(evidence, figure, f"{artifact}.{benchmark}", text)


def _maps(evidence: Evidence, benchmark: str, kind: str) -> Figure:
    """A column per picture, two of the ID set and those of the first OOD sets; the picture, then its maps."""
    about, arrays = evidence.benchmarks[benchmark], evidence.closeup(benchmark)
    layers = _names(arrays, about["id"], kind)
    oods = [(ood, place) for place in (0, 1) for ood in about["ood"] if place < len(arrays[f"{ood}/image"])]
    ids = [(about["id"], place) for place in range(len(arrays[f"{about['id']}/image"]))]
    pictures = ids[:2] + sorted(oods[:SHOWN], key=lambda picture: about["ood"].index(picture[0]))
    height = (WIDTH - 0.7) / max(len(pictures), 5) * (len(layers) + 1) + 0.2
    figure, axes = plt.subplots(len(layers) + 1, len(pictures), figsize=(WIDTH, height))
    figure.subplots_adjust(0.11, 0.01, 0.99, 0.93, wspace=0.06, hspace=0.06)
    for column, (dataset, place) in zip(axes.T, pictures, strict=True):
        image = arrays[f"{dataset}/image"][place].squeeze()  # of grey ones their one channel
        column[0].imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        title = "ID" if dataset == about["id"] else wrapped(evidence.title(dataset), 13)
        column[0].set_title(title, size=7, linespacing=1.1)
        for axis, layer in zip(column[1:], layers, strict=True):
            values = arrays[f"{dataset}/{kind}/{layer}"][place]
            axis.imshow(values, cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
        for axis in column:
            axis.set_axis_off()
    for axis, layer in zip(axes[1:, 0], layers, strict=True):
        axis.text(-0.08, 0.5, layer, transform=axis.transAxes, ha="right", va="center", size=7)
    return figure


def saliency(evidence: Evidence, benchmark: str) -> Drawn:
    """GAIA-S-F1: LayerCAM's maps at the end of each block, for ID and OOD images."""
    return _pictured(
        evidence,
        benchmark,
        "saliency",
        "GAIA-S-F1",
        "LayerCAM's saliency maps of the predicted class by block, input to output; bright is salient, and every map "
        "has its own scale",
        "GAIA supplement, Figure 1, which shows VGG16",
    )


def average_gradients(evidence: Evidence, benchmark: str) -> Drawn:
    """GAIA-M-F2: |w_k| of every channel, mean over ID and over OOD images, at the last layer of each block."""
    return _by_channel(
        evidence,
        benchmark,
        "gradient",
        "GAIA-M-F2",
        r"mean of $|w_k|$",
        "Average gradient of the largest logit by channel, $|w_k|$ (spatial mean, absolute value), in the last "
        "normalisation layer of each block; channels in order of their value for ID images, OOD sets averaged",
        "GAIA, Figure 2, by its caption",
    )


def gradient_maps(evidence: Evidence, benchmark: str) -> Drawn:
    """GAIA-M-F3a: at each position the share of channels whose gradient is not zero."""
    return _pictured(
        evidence,
        benchmark,
        "open",
        "GAIA-M-F3a",
        "Share of channels in which the gradient of the largest logit is not zero, by position, in the last "
        "normalisation layer of each block, input to output; dark is none, bright all of them",
        "GAIA, Figure 3a, by its caption",
    )


def nonzero(evidence: Evidence, benchmark: str) -> Drawn:
    """GAIA-M-F3b: share of positions with a gradient that is not zero, a point per channel."""
    return _by_channel(
        evidence,
        benchmark,
        "nonzero",
        "GAIA-M-F3b",
        "non-zero gradients (%)",
        "Share of positions at which the gradient of the largest logit is not zero, a point per channel, in the last "
        "normalisation layer of each block; channels in order of their value for ID images, OOD sets averaged",
        "GAIA, Figure 3b, by its caption",
    )


def _by_channel(
    evidence: Evidence, benchmark: str, kind: str, artifact: str, ylabel: str, caption: str, source: str
) -> Drawn:
    about, arrays = evidence.benchmarks[benchmark], evidence.closeup(benchmark)
    layers, factor = _names(arrays, about["id"], kind), 100 if kind == "nonzero" else 1
    with style():
        figure, axes = plt.subplots(1, len(layers), figsize=(WIDTH, 2.1), layout="constrained", squeeze=False)
        for axis, layer in zip(axes[0], layers, strict=True):
            ids = factor * arrays[f"{about['id']}/{kind}/{layer}"]
            oods = factor * np.mean([arrays[f"{ood}/{kind}/{layer}"] for ood in about["ood"]], axis=0)
            order = np.argsort(ids)
            for values, colour, marker, label in ((ids, ID_COLOUR, "o", "ID"), (oods, OOD_COLOUR, "x", "OOD")):
                place = np.arange(1, len(values) + 1)
                axis.scatter(place, values[order], s=6, linewidths=0.8, color=colour, marker=marker, label=label)
            axis.set(title=layer, xlabel="channel")
            axis.locator_params(nbins=4)
            axis.locator_params(axis="x", integer=True)
            axis.ticklabel_format(axis="y", scilimits=(-2, 3))
        axes[0, 0].set_ylabel(ylabel)
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return save(evidence, figure, f"{artifact}.{benchmark}", f"{caption}: {evidence.first(benchmark)} ({source}).")


def blocks(evidence: Evidence, benchmark: str) -> Drawn:
    """GAIA-M-F4: AUROC and FPR95 of GAIA-A and GAIA-Z on one block, and on it and all later ones."""
    with style():
        figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.3), layout="constrained")
        for axis, metric in zip(axes, ("AUROC", "FPR95"), strict=True):
            for detector, label, prefix, colour in (
                ("gaia_z", "GAIA-Z", "", COLOURS[0]),
                ("gaia_a", "GAIA-A", "q=0.5 ", COLOURS[1]),
            ):
                for kind, words, dash, marker in (("block", "alone", "--", "o"), ("from", "and later ones", "-", "s")):
                    sets = _sets(evidence, benchmark, detector, prefix, kind)
                    cells = [
                        evidence.cell(benchmark, detector, variant, "average", metric) for variant in sets.values()
                    ]
                    axis.errorbar(
                        [*sets],
                        [100 * cell["mean"] for cell in cells],
                        [100 * np.nan_to_num(cell["std"]) for cell in cells],
                        color=colour,
                        linestyle=dash,
                        marker=marker,
                        markersize=3,
                        linewidth=1,
                        elinewidth=0.6,
                        label=f"{label}, {words}",
                    )
            axis.set(title=f"{metric} (%)", xlabel="block")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    spread = evidence.over_seeds(benchmark, ", mean $\\pm$ sample standard deviation over seeds")
    return save(
        evidence,
        figure,
        f"GAIA-M-F4.{benchmark}",
        "Which blocks' layers GAIA is computed from: one block alone, or it and all later ones. Average over OOD sets"
        f"{spread}: {evidence.titles[benchmark]}. The caption of GAIA's Figure 4, the only part of it at hand, speaks "
        "of an ablation on the Frobenius norm. The norm is not varied here: it is taken over all channels of the "
        "layers in question, and all that changes is which layers these are.",
    )


def _sets(evidence: Evidence, benchmark: str, detector: str, prefix: str, kind: str) -> dict[str, str]:
    """Block -> variant; for a network whose layers are all in one block that of all layers."""
    variants = evidence.variants(benchmark, detector)
    names = [variant.removeprefix(f"{prefix}block=") for variant in variants if variant.startswith(f"{prefix}block=")]
    if not names:
        return {"the only one": "all" if detector == "gaia_z" else "q=0.5"}
    # The last block has nothing behind it.
    return {name: f"{prefix}{kind if name != names[-1] else 'block'}={name}" for name in names}
