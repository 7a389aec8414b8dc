"""How the scores of every method are spread: a row per method, in it every OOD set against the ID set."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from ood.artifacts import methods
from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import HEIGHT, ID_COLOUR, OOD_COLOUR, WIDTH, Drawn, save, style, wrapped
from ood.evaluation.summaries import ALL, BINS

BESIDE = 1.08  # from the start of one histogram to that of the next, in widths
ROW = 0.4  # inches


def _pair(axis: Axes, start: float, ids: np.ndarray, oods: np.ndarray) -> None:
    """Two histograms between ``start`` and one further, as high as the higher of them is."""
    edges, top = start + np.linspace(0, 1, BINS + 1), max(ids.max(), oods.max())
    axis.stairs(ids / top, edges, fill=True, color=ID_COLOUR, alpha=0.4, linewidth=0)
    axis.stairs(oods / top, edges, color=OOD_COLOUR, linewidth=0.8)
    axis.plot([start, start + 1], [0, 0], color="grey", linewidth=0.5)


def scores(evidence: Evidence, benchmark: str) -> Drawn:
    """SCORES: histograms of each default variant's scores, ID against every OOD set, first seed."""
    about, shown = evidence.benchmarks[benchmark], evidence.summaries(benchmark)
    names = about["detectors"]
    with style():
        height = min(ROW * len(names) + 0.3, HEIGHT)
        figure, axes = plt.subplots(len(names), 1, figsize=(WIDTH, height), squeeze=False)
        figure.subplots_adjust(0.21, 0, 1, 1 - 0.3 / height, hspace=0.15)
        for axis, name in zip(axes[:, 0], names, strict=True):
            default = evidence.default(name)
            for place, ood in enumerate(about["ood"]):
                _pair(axis, place * BESIDE, *(shown["share", name, default, dataset] for dataset in (about["id"], ood)))
            logarithmic = ("log10", name, default, ALL) in shown.index
            label = methods.label(name) + ", log" * logarithmic
            axis.text(-0.01, 0.3, label, transform=axis.transAxes, ha="right", size=7)
            axis.set(xlim=(0, len(about["ood"]) * BESIDE), ylim=(0, 1.02))
            axis.set_axis_off()
        for place, ood in enumerate(about["ood"]):
            title = wrapped(evidence.title(ood), 15)
            axes[0, 0].text(place * BESIDE + 0.5, 1.15, title, ha="center", va="bottom", size=6, linespacing=1.1)
    return save(
        evidence,
        figure,
        f"SCORES.{benchmark}",
        "Scores of every method in its default variant: ID images (filled) against each OOD set (line), further right "
        f"being more in-distribution. {evidence.first(benchmark)}. A method's histograms share one "
        "axis, from percentile 0.5 to 99.5 of its scores on the ID set and all OOD sets together; images beyond are "
        "left out. Each pair is as high as its higher peak: a single spike at the edge means that most ID images have "
        "almost the same score, as MSP near 1. Log: the magnitude's logarithm, where magnitudes span more than two "
        "decades.",
    )
