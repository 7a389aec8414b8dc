"""GAIA layer by layer: what each normalisation layer adds to the score, and how well it separates alone."""

import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from torch import nn

from ood import networks
from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import COLOURS, ID_COLOUR, OOD_COLOUR, WIDTH, Drawn, said, save, style
from ood.artifacts.findings_numbers import power
from ood.evaluation.summaries import ALL, LAYERS

ARTIFACT = "GAIA-S-F3"
NAMED = 0.08  # the share of the layers from which on a block's name has room above them


def _table(evidence: Evidence, benchmark: str, detector: str) -> pd.DataFrame:
    """Per layer: mean magnitude of the score for ID and OOD images (over images and seeds) and mean AUROC."""
    about = evidence.benchmarks[benchmark]
    columns = [name for name in evidence.variants(benchmark, detector) if name.startswith(LAYERS[detector])]
    means = evidence.summaries(benchmark)["mean", detector].explode().unstack("dataset")
    auroc = [evidence.cell(benchmark, detector, column, "average", "AUROC")["mean"] for column in columns]
    table = means.loc[columns].rename(columns={about["id"]: "ID", ALL: "OOD"}).astype(float).assign(AUROC=auroc)
    return table.rename(lambda name: name.removeprefix(LAYERS[detector]))


def blocks(layers: list[str]) -> list[str]:
    """The block of each layer: the first part of its name in which the names differ, a number with the part before."""
    parts = [name.split(".") for name in layers]
    shared = len(os.path.commonprefix([names[:-1] for names in parts]))
    return [f"{names[shared - 1]} {names[shared]}" if names[shared].isdigit() else names[shared] for names in parts]


def normalisations(card: dict) -> int:
    """How many normalisation layers a checkpoint's network has."""
    with torch.device("meta"):
        network = networks.build(card["network"], card["classes"], card["options"])
    return sum(isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)) for module in network.modules())


def _separate(axes: list[Axes], found: list[str]) -> None:
    """A light line between two blocks, and above the first of the axes a long block's name."""
    borders = [0, *(place for place in range(1, len(found)) if found[place] != found[place - 1]), len(found)]
    for start, end in zip(borders, borders[1:], strict=False):
        for axis in axes if start else []:
            axis.axvline(start + 0.5, color="lightgrey", linewidth=0.8, zorder=0)
        if len(borders) > 2 and end - start >= NAMED * len(found):
            middle = (start + end + 1) / 2
            axes[0].annotate(
                found[start],
                (middle, 1.02),
                xycoords=("data", "axes fraction"),
                ha="center",
                size=6.5,
                color="#555555",
            )


def _draw(axes: list[Axes], table: pd.DataFrame, title: str) -> None:
    """Mean of ID and of OOD images, how much larger the latter is, AUROC."""
    means, gaps, aurocs = axes
    place, size = np.arange(1, len(table) + 1), max(1.5, min(4, 110 / len(table)))
    means.vlines(place, table["ID"], table["OOD"], color="grey", linewidth=0.6)
    look = {"linestyle": "none", "markersize": size}
    means.plot(place, table["ID"], color=ID_COLOUR, marker="o", label="ID", **look)
    means.plot(place, table["OOD"], color=OOD_COLOUR, marker="s", markerfacecolor="none", label="OOD", **look)
    gaps.bar(place, 100 * (table["OOD"] / table["ID"] - 1), color=OOD_COLOUR, width=0.7)
    gaps.axhline(0, color="black", linewidth=0.6)
    aurocs.bar(place, 100 * table["AUROC"] - 50, bottom=50, color=COLOURS[2], width=0.7)
    aurocs.axhline(50, color="black", linewidth=0.6)
    aurocs.set_xlabel("normalisation layer, input to output")
    means.set_title(title, pad=14)
    _separate(axes, blocks(list(table.index)))


def _forms(evidence: Evidence, benchmark: str) -> tuple[str, dict[str, str]]:
    """How far apart the two forms of GAIA-Z are: a sentence, and its numbers."""
    if "forward all" not in evidence.variants(benchmark, "gaia_z"):
        return "There is no forward form of GAIA-Z for this network.", {}
    most, other, count = evidence.summaries(benchmark)["forms", "gaia_z", "forward all", ALL]
    numbers = {
        "largest relative difference": power(most),
        "images that differ": f"{other:.0f}",
        "images, of all networks": f"{count:.0f}",
    }
    largest, differ, images = (said(ARTIFACT, benchmark, what) for what in numbers)
    return (
        "The forward form of GAIA-Z, which counts the active positions of the ReLU behind each layer, differs from the "
        f"gradients' own by at most {largest} of its value, on {differ} of {images} images. They differ where the "
        "gradient at an active position is zero for a later reason: a max-pool that chose another position, zero "
        "weights, or closed ReLUs everywhere behind it (dead filters).",
        numbers,
    )


def _shown(evidence: Evidence, benchmark: str, count: int) -> tuple[str, dict[str, str]]:
    """Which of the network's normalisation layers are drawn: a sentence, and its numbers."""
    card = evidence.card(benchmark, evidence.benchmarks[benchmark]["seeds"][0])
    numbers = {"layers shown": str(count), "normalisation layers": str(normalisations(card))}
    shown, all_ = (said(ARTIFACT, benchmark, what) for what in numbers)
    if len(set(numbers.values())) == 1:
        return f"All {all_} normalisation layers of the network.", numbers
    return f"Shown are {shown} of the network's {all_} normalisation layers: those that GAIA reads there.", numbers


def layers(evidence: Evidence, benchmark: str) -> Drawn:
    """GAIA-S-F3: each layer's mean abnormality, ID and OOD; their relative difference; AUROC of the layer alone."""
    tables = {name: _table(evidence, benchmark, name) for name in ("gaia_a", "gaia_z")}
    with style():
        figure, axes = plt.subplots(3, 2, figsize=(WIDTH, 5), sharex=True, layout="constrained")
        for column, (name, title) in zip(axes.T, {"gaia_a": "GAIA-A", "gaia_z": "GAIA-Z"}.items(), strict=True):
            _draw(list(column), tables[name], title)
        axes[0, 0].set_yscale("log")
        for axis, label in zip(axes[:, 0], (r"mean of $E^2$", "OOD less ID (% of ID)", "AUROC (%)"), strict=True):
            axis.set_ylabel(label)
        figure.align_ylabels(axes[:, 0])
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    shown, counts = _shown(evidence, benchmark, len(tables["gaia_z"]))
    forms, numbers = _forms(evidence, benchmark)
    return save(
        evidence,
        figure,
        f"{ARTIFACT}.{benchmark}",
        f"Contribution of each normalisation layer: {evidence.benchmarks[benchmark]['title']} (GAIA supplement, Figure "
        "3). Above: mean squared abnormality of ID and OOD images, for GAIA-A on a logarithmic scale; middle: how much "
        "larger it is for OOD images, in percent of that for ID images; below: AUROC of the layer alone, average over "
        f"OOD sets and seeds. Vertical lines separate blocks. {shown} {forms}",
        counts | numbers,
    )
