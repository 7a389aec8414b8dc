"""What a benchmark is made of, and how all methods do on it."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ood.artifacts.columns import panels
from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import COLOURS, WIDTH, save, style
from ood.artifacts.table import Column, Panel, Row, Table
from ood.detectors import method

LABELS = {
    "msp": "MSP",
    "maxlogit": "MaxLogit",
    "energy": "Energy",
    "odin": "ODIN",
    "react": "ReAct",
    "gradnorm": "GradNorm",
    "exgrad": "ExGrad",
    "encoding_output": r"$\|h\|_1 \times$ Energy",
    "rg": "RG",
    "gaia_z": "GAIA-Z",
    "gaia_a": "GAIA-A",
}


def headline(evidence: Evidence, benchmark: str) -> Table:
    """HEADLINE: every method's default variant on every OOD set of a benchmark."""
    about = evidence.benchmarks[benchmark]
    rows = [
        Row(name, LABELS.get(name, name.replace("_", r"\_")), (name, method(name).default))
        for name in about["detectors"]
    ]
    seeds = len(about["seeds"])
    return Table(
        "HEADLINE",
        f"HEADLINE.{benchmark}",
        f"Every method in its default variant: {about['title']}, ID set {evidence.title(about['id'])}.",
        rows,
        panels(evidence, benchmark),
        foot=f"Percent, mean $\\pm$ sample standard deviation ($n-1$) over {seeds} seeds; bold: best of the column. "
        "FPR95: share of OOD images at or above the largest threshold that keeps at least 95\\,\\% of the ID images.",
    )


def accuracy(evidence: Evidence) -> Table:
    """ACCURACY: how well the networks do what they were trained for."""
    columns = [
        Column(name, about["title"], (name, about["id"], "accuracy")) for name, about in evidence.benchmarks.items()
    ]
    return Table(
        "ACCURACY",
        "ACCURACY",
        "Accuracy of the trained networks.",
        [Row(split, split, ("network", split)) for split in ("train", "validation", "test")],
        [Panel("split", columns)],
        foot="Percent, mean $\\pm$ sample standard deviation ($n-1$) over seeds. The test split selected nothing.",
    )


def contact_sheet(evidence: Evidence, benchmark: str, count: int = 18) -> Figure:
    """DATA: evenly spaced images of every dataset of a benchmark."""
    about = evidence.benchmarks[benchmark]
    names = [about["id"], *about["ood"]]
    with style():
        figure, axes = plt.subplots(len(names), count, figsize=(WIDTH, 0.36 * len(names)))
        figure.subplots_adjust(0.16, 0, 1, 1, wspace=0.05, hspace=0.05)
        for row, name in zip(axes, names, strict=True):
            images = evidence.images(name)
            for axis, place in zip(row, range(0, len(images), len(images) // count), strict=False):
                axis.imshow(images[place].squeeze(), cmap="gray", vmin=0, vmax=255)
            for axis in row:
                axis.set_axis_off()
            row[0].text(-0.3, 0.5, evidence.title(name), transform=row[0].transAxes, ha="right", va="center")
    return save(
        evidence,
        figure,
        f"DATA.{benchmark}",
        f"Images of {about['title']}, in-distribution first, as stored (before up-sampling to the network's input).",
    )


def training_curves(evidence: Evidence) -> Figure:
    """TRAINING: mean training loss by epoch, a line per seed."""
    with style():
        figure, axes = plt.subplots(
            1, len(evidence.benchmarks), figsize=(WIDTH, 1.9), sharey=True, layout="constrained", squeeze=False
        )
        for axis, (name, about) in zip(axes[0], evidence.benchmarks.items(), strict=True):
            for seed, colour in zip(about["seeds"], COLOURS * len(about["seeds"]), strict=False):
                losses = evidence.card(name, seed)["losses"]
                axis.semilogy(range(1, len(losses) + 1), losses, color=colour, linewidth=1, label=f"seed {seed}")
            axis.set(title=about["title"], xlabel="epoch")
            axis.legend(fontsize=6)
        axes[0, 0].set_ylabel("cross-entropy, training")
    return save(evidence, figure, "TRAINING", "Training loss by epoch, augmentation on, a line per seed.")
