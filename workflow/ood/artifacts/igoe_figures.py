"""The figures of Igoe et al. (2022), and one of the two parts of a score."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import HEIGHT, ID_COLOUR, OOD_COLOUR, WIDTH, Drawn, save, style, wrapped
from ood.artifacts.igoe import OUTPUTS, product
from ood.detectors.encoding_output import ORDERS
from ood.published import lookup

NORMS = [f"{order:g}" for order in ORDERS]


def simplex(evidence: Evidence) -> Drawn:
    """IGOE-F1: three output terms over the predictions of three classes; nothing but formulas."""
    steps = np.linspace(0, 1, 61)
    p = np.array([(a, b, 1 - a - b) for a in steps for b in steps if a + b <= 1 + 1e-9]).clip(0)
    x, y = p[:, 1] + p[:, 2] / 2, p[:, 2] * np.sqrt(3) / 2
    terms = {
        r"ExGrad: $\sum_k p_k (1 - p_k)$": (p * (1 - p)).sum(1),
        r"MSP: $\max_k p_k$": p.max(1),
        r"GradNorm: $\sum_k |1/3 - p_k|$": np.abs(1 / 3 - p).sum(1),
    }
    with style():
        figure, axes = plt.subplots(1, 3, figsize=(WIDTH, 2.2), layout="constrained")
        for axis, (title, values) in zip(axes, terms.items(), strict=True):
            drawn = axis.tricontourf(x, y, values, levels=12, cmap="cividis")
            figure.colorbar(drawn, ax=axis, orientation="horizontal", shrink=0.8, ticks=[values.min(), values.max()])
            axis.set(title=title, aspect="equal")
            axis.set_axis_off()
    return save(
        evidence,
        figure,
        "IGOE-F1",
        "Output terms over all predictions $p$ of three classes, corners being certain (Igoe et al., Figure 1). "
        "Formulas only. ExGrad's term is largest at the centre, the other two at the corners.",
    )


def _heat(axis: Axes, values: np.ndarray, rows: list[str], columns: list[str], title: str) -> None:
    image = axis.imshow(values, cmap="cividis", vmin=0.25, vmax=1, aspect="auto")
    axis.set(title=title, yticks=range(len(rows)), xticks=range(len(columns)))
    axis.set_yticklabels(rows)
    axis.set_xticklabels(columns)
    axis.spines[:].set_visible(False)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            dark = image.norm(value) < 0.55
            axis.text(column, row, f"{value:.3f}", ha="center", va="center", size=6, color="white" if dark else "black")


def _grid(evidence: Evidence, benchmark: str, dataset: str) -> np.ndarray:
    """AUROC by output term and feature norm, U = 1 first."""
    norms = ("1", *(f"norm{order}" for order in NORMS))
    return np.array(
        [[evidence.cell(benchmark, *product(u, v), dataset, "AUROC")["mean"] for u in norms] for v in OUTPUTS]
    )


def heat_map(evidence: Evidence, benchmark: str) -> Drawn:
    """IGOE-F2: AUROC for every output term and norm order, printed for ImageNet above, ours below."""
    orders = NORMS
    printed = np.full((4, len(orders)), np.nan)
    for row, name in enumerate(list(OUTPUTS.values())[:4]):
        for column, order in enumerate(orders):
            found = lookup(evidence.published, "IGOE-F2", method=name, variant=f"U=||h||_p, p={order}")
            printed[row, column] = np.nan if found is None else found["value"]
    ours = _grid(evidence, benchmark, "average")
    labels = [order.replace("inf", r"$\infty$") for order in orders]
    with style():
        figure, (above, below) = plt.subplots(
            2, 1, figsize=(WIDTH, 3.4), layout="constrained", gridspec_kw={"height_ratios": [4, 5]}
        )
        _heat(
            above,
            np.c_[np.full(4, np.nan), printed],
            list(OUTPUTS.values())[:4],
            ["U = 1", *labels],
            "printed: ImageNet-1k, BiT-S R101x1",
        )
        title = evidence.benchmarks[benchmark]["title"]
        _heat(below, ours, list(OUTPUTS.values()), ["U = 1", *labels], f"ours: {title}, mean over seeds")
        below.set_xlabel("order p of the feature norm U")
    return save(
        evidence,
        figure,
        f"IGOE-F2.{benchmark}",
        "Average AUROC of feature norm times output term (Igoe et al., Figure 2). Above the printed values for "
        f"ImageNet-1k, below ours for another benchmark: {title}. Compare the patterns along a row, not the values. "
        "VarSum (mean) divides the sum by the number of classes (not in the paper).",
    )


def heat_maps(evidence: Evidence, benchmark: str) -> Drawn:
    """IGOE-C: the grid of every OOD set."""
    about = evidence.benchmarks[benchmark]
    labels = ["U = 1", *(name.replace("inf", r"$\infty$") for name in NORMS)]
    with style():
        figure, axes = plt.subplots(
            len(about["ood"]), 1, figsize=(WIDTH, min(1.55 * len(about["ood"]), HEIGHT)), layout="constrained"
        )
        for axis, dataset in zip(np.atleast_1d(axes), about["ood"], strict=True):
            _heat(axis, _grid(evidence, benchmark, dataset), list(OUTPUTS.values()), labels, evidence.title(dataset))
    return save(
        evidence,
        figure,
        f"IGOE-C.{benchmark}",
        f"AUROC of feature norm times output term by OOD set: {about['title']}, mean over seeds (Igoe et al., "
        "Appendix C).",
    )


def parts(evidence: Evidence, benchmark: str) -> Drawn:
    """IGOE-UV: feature norm against energy, image by image: which of the two tells the sets apart?"""
    about = evidence.benchmarks[benchmark]
    seed = about["seeds"][0]
    points = evidence.summaries(benchmark)["point", "encoding_output"]
    shown = about["ood"][:8]
    with style():
        figure, axes = plt.subplots(
            -(-len(shown) // 4),
            min(len(shown), 4),
            figsize=(WIDTH, 1.9 * -(-len(shown) // 4) + 0.3),
            sharex=True,
            sharey=True,
            layout="constrained",
            squeeze=False,
        )
        for axis, dataset in zip(axes.flat, shown, strict=False):
            for name, colour, marker, label in ((about["id"], ID_COLOUR, "o", "ID"), (dataset, OOD_COLOUR, "x", "OOD")):
                look = {"s": 4, "linewidths": 0.6, "color": colour, "marker": marker, "alpha": 0.5, "label": label}
                axis.scatter(points["U", name], points["V", name], **look)
            axis.set(title=wrapped(evidence.title(dataset)))
        for axis in list(axes.flat)[len(shown) :]:
            axis.set_axis_off()
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, markerscale=2)
        figure.supxlabel(r"$U = \|h\|_1$", size=9)
        figure.supylabel("V: energy", size=9)
    return save(
        evidence,
        figure,
        f"IGOE-UV.{benchmark}",
        f"Feature norm $U$ against energy $V$ for evenly spaced images of each set: {about['title']}, seed {seed}. "
        "Their product separates better than either where both are larger for ID images.",
    )
