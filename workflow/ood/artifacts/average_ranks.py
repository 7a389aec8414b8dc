"""All methods on a benchmark by average rank."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from ood.artifacts import methods
from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import WIDTH, Drawn, said, save, style
from ood.evaluation.ranks import cliques, compare


def _bracket(axis: Axes, first: float, last: float, height: float, **look) -> None:
    axis.plot([first, last], [height, height], solid_capstyle="butt", clip_on=False, **look)


def ranks(evidence: Evidence, benchmark: str) -> Drawn:
    """RANKS: critical-difference diagram of the default variants by AUROC; a block is a set of the average and a seed.

    The other OOD sets are the same pictures once more, brought to the network's size by another rule.
    """
    about = evidence.benchmarks[benchmark]
    names, sets = about["detectors"], about["averages"]["average"]
    values = np.array(
        [
            np.concatenate(
                [evidence.cell(benchmark, name, evidence.default(name), ood, "AUROC")["values"] for ood in sets]
            )
            for name in names
        ]
    ).T
    found = compare(values, evidence.confidence)
    order, half = np.argsort(found.ranks, kind="stable"), -(-len(names) // 2)
    bars = cliques(found.ranks, found.distance)
    with style():
        figure, axis = plt.subplots(figsize=(WIDTH, 0.9 + 0.17 * half + 0.08 * len(bars)))
        top = -0.5 - 0.3 * len(bars)  # below the axis come the groups, then the names
        axis.hlines(0, 1, len(names), color="black", linewidth=0.8)
        for rank in range(1, len(names) + 1):
            axis.vlines(rank, 0, 0.15, color="black", linewidth=0.8)
            axis.text(rank, 0.25, str(rank), ha="center", va="bottom", size=7)
        for place, which in enumerate(order):
            left, line = place < half, place if place < half else len(names) - 1 - place
            rank, height, edge = found.ranks[which], top - 0.65 * line, 0.6 if left else len(names) + 0.4
            axis.plot([rank, rank, edge], [0, height, height], color="grey", linewidth=0.6)
            label = methods.label(names[which])
            text = f"{label}  {rank:.1f}" if left else f"{rank:.1f}  {label}"
            axis.text(edge + (-0.1 if left else 0.1), height, text, ha="right" if left else "left", va="center", size=8)
        for line, (first, last) in enumerate(bars, start=1):
            _bracket(axis, first - 0.05, last + 0.05, -0.3 * line, color="black", linewidth=2.2)
        _bracket(axis, 1, 1 + found.distance, 1.5, color="black", linewidth=1, marker="|", markersize=5)
        axis.text(1 + found.distance / 2, 1.75, f"critical difference {found.distance:.2f}", ha="center", size=8)
        axis.set(xlim=(1 - 0.28 * len(names), len(names) * 1.28), ylim=(top - 0.65 * half, 2.6))
        axis.set_axis_off()
    numbers = {
        "blocks": str(len(values)),
        "Friedman's p": "below 0.001" if found.p < 0.001 else f"{found.p:.3f}",
        "critical difference": f"{found.distance:.2f}",
        **{f"rank of {name}": f"{rank:.1f}" for name, rank in zip(names, found.ranks, strict=True)},
    }
    level = f"{100 * (1 - evidence.confidence):g}\\,\\%"
    blocks, p = (said("RANKS", benchmark, what) for what in ("blocks", "Friedman's p"))
    return save(
        evidence,
        figure,
        f"RANKS.{benchmark}",
        f"Average ranks by AUROC over {blocks} blocks, an OOD set of the average and a seed each: {about['title']}. "
        f"Bars join methods that Nemenyi's test at {level} does not tell apart (Dem\\v{{s}}ar 2006); $p$ of "
        f"Friedman's test: {p}. The test takes blocks for independent, and they share ID images and networks.",
        numbers,
    )
