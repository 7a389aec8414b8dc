"""What a benchmark is made of, and how all methods do on it."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from ood.artifacts.columns import default_rows, foot, panels
from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import COLOURS, WIDTH, Drawn, save, style, wrapped
from ood.artifacts.table import Column, Panel, Row, Table
from ood.data.pixels import SHEET

FPR95 = "FPR95: share of OOD images at or above the largest threshold that keeps at least 95\\,\\% of the ID images."


def headline(evidence: Evidence, benchmark: str) -> Table:
    """HEADLINE: every method's default variant on every OOD set of a benchmark."""
    about = evidence.benchmarks[benchmark]
    rows = default_rows(evidence, about["detectors"])
    columns = panels(evidence, "HEADLINE", benchmark)
    table = Table(
        "HEADLINE",
        f"HEADLINE.{benchmark}",
        f"Every method in its default variant: {about['title']}, ID set {evidence.title(about['id'])}.",
        rows,
        columns,
        numbers=_half_widths(evidence, rows, columns) if len(about["seeds"]) == 1 else {},
    )
    widths = " and ".join(rf"\ours{{{table.cited(what)}}} ({what.rpartition(' ')[2]})" for what in table.numbers)
    interval = (
        f"{100 * evidence.confidence:g}\\,\\% bootstrap intervals over images: $\\pm$ {widths}, median of the table."
        if widths
        else ""
    )
    return replace(table, foot=" ".join(part for part in (foot(evidence, benchmark, interval), FPR95) if part))


def _half_widths(evidence: Evidence, rows: list[Row], columns: list[Panel]) -> dict[str, str]:
    """The median half width of a table's bootstrap intervals in percent, by metric."""

    def half(panel: Panel) -> float:
        cells = [evidence.cell(c.ours[0], *row.ours, *c.ours[1:]) for row in rows for c in panel.columns]
        return 100 * float(np.median([cell["high"] - cell["low"] for cell in cells])) / 2

    return {f"median half width, {panel.title}": f"{half(panel):.2f}" for panel in columns}


def accuracy(evidence: Evidence) -> Table:
    """ACCURACY: how well the networks do what they were trained for."""
    columns = [
        Column(name, about["title"], (name, about["id"], "accuracy")) for name, about in evidence.benchmarks.items()
    ]
    return Table(
        "ACCURACY",
        "ACCURACY",
        "Accuracy of the networks.",
        [Row(split, split, ("network", split)) for split in ("train", "test")],
        [Panel("split", columns)],
        foot="Percent, mean $\\pm$ sample standard deviation ($n-1$) over seeds; without spread: one network. Of a "
        "network trained here it is that of its recipe's last epoch, not of the best.",
        ranked=False,
    )


def contact_sheet(evidence: Evidence, benchmark: str) -> Drawn:
    """DATA: evenly spaced images of every dataset of a benchmark, the first row of its contact sheet."""
    about = evidence.benchmarks[benchmark]
    names = [about["id"], *about["ood"]]
    with style():
        figure, axes = plt.subplots(len(names), 1, figsize=(WIDTH, 0.27 * len(names)))
        figure.subplots_adjust(0.24, 0, 1, 1, hspace=0.12)
        for axis, name in zip(axes, names, strict=True):
            sheet = evidence.sheet(name)
            axis.imshow(sheet[: len(sheet) // SHEET[0]], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axis.set_axis_off()
            axis.text(-0.01, 0.5, evidence.title(name), transform=axis.transAxes, ha="right", va="center")
    return save(
        evidence,
        figure,
        f"DATA.{benchmark}",
        f"Images of {about['title']}, in-distribution first, evenly spaced through each set, as stored.",
    )


def training_curves(evidence: Evidence) -> Drawn:
    """TRAINING: mean training loss by epoch, a line per seed."""
    trained = {name: about for name, about in evidence.benchmarks.items() if about["trained"]}
    with style():
        figure, axes = plt.subplots(
            1, max(len(trained), 1), figsize=(WIDTH, 1.9), sharey=True, layout="constrained", squeeze=False
        )
        for axis, (name, about) in zip(axes[0], trained.items(), strict=False):
            for seed, colour in zip(about["seeds"], COLOURS * len(about["seeds"]), strict=False):
                losses = evidence.card(name, seed)["losses"]
                axis.semilogy(range(1, len(losses) + 1), losses, color=colour, linewidth=1, label=f"seed {seed}")
            axis.set(title=wrapped(about["title"], 90 // len(trained)), xlabel="epoch")
            axis.legend(fontsize=6)
        axes[0, 0].set_ylabel("cross-entropy, training")
    return save(evidence, figure, "TRAINING", "Training loss by epoch, augmentation on, a line per seed.")
