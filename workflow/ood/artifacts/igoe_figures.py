"""The figures of Igoe et al. (2022), and one of the two parts of a score."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import HEIGHT, ID_COLOUR, OOD_COLOUR, WIDTH, Drawn, save, style, wrapped
from ood.artifacts.igoe import OUTPUTS, product
from ood.claims.published import lookup
from ood.detectors.encoding_output import ORDERS

NORMS = [f"{order:g}" for order in ORDERS]
PRINTED_SETS = ("iNaturalist", "SUN", "Places")
LOWEST = 0.25  # AUROC at the dark end of the scale
DARK = 0.6  # up to which white digits have more contrast than black ones
ORDERED = (
    "$U = \\|h\\|_p$; for $p = 0$ it is the number of non-zero features, for $p = \\infty$ the largest one; $U = 1$ is "
    "the output term alone (not in the paper's grids)."
)
MEAN = "VarSum (mean) divides the sum by the number of classes (not in the paper)."


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


def _heat(axis: Axes, values: np.ndarray, title: str) -> None:
    """A row per output term, a column per feature norm, U = 1 first; empty where nothing is known."""
    seaborn.heatmap(
        values,
        ax=axis,
        mask=np.isnan(values),
        annot=True,
        fmt=".3f",
        annot_kws={"size": 7},
        cmap="cividis",
        vmin=LOWEST,
        vmax=1,
        cbar=False,
        xticklabels=["U = 1", *(order.replace("inf", r"$\infty$") for order in NORMS)],
        yticklabels=list(OUTPUTS.values())[: len(values)],
    )
    for digits in axis.texts:
        digits.set_color("white" if float(digits.get_text()) < DARK else "black")
    axis.set_title(title)
    axis.tick_params(axis="y", rotation=0)
    axis.label_outer()  # the orders below the last grid, as they are the same for all


def _drawn(grids: dict[str, np.ndarray]) -> Figure:
    """Grids by title, one below the other, as high as they have rows, with one scale."""
    rows = [len(values) for values in grids.values()]
    with style():
        height = min(0.8 + sum(0.35 + 0.24 * count for count in rows), HEIGHT)
        shape = {"figsize": (WIDTH, height), "layout": "constrained", "squeeze": False}
        figure, axes = plt.subplots(len(rows), 1, gridspec_kw={"height_ratios": rows}, **shape)
        for axis, (title, values) in zip(axes[:, 0], grids.items(), strict=True):
            _heat(axis, values, title)
        axes[-1, 0].set_xlabel("order p of the feature norm U")
        scale = {"location": "right", "extend": "min", "label": "AUROC", "aspect": 40, "pad": 0.02, "shrink": 0.8}
        figure.colorbar(axes[0, 0].collections[0], ax=axes, **scale).outline.set_visible(False)
    return figure


def _grid(evidence: Evidence, benchmark: str, dataset: str) -> np.ndarray:
    """AUROC by output term and feature norm."""
    norms = ("1", *(f"norm{order}" for order in NORMS))
    return np.array(
        [[evidence.cell(benchmark, *product(u, v), dataset, "AUROC")["mean"] for u in norms] for v in OUTPUTS]
    )


def _printed(evidence: Evidence, artifact: str) -> np.ndarray:
    """The same as printed: four output terms, without U = 1."""
    found = [
        [lookup(evidence.published, artifact, method=name, variant=f"U=||h||_p, p={order}") for order in NORMS]
        for name in list(OUTPUTS.values())[:4]
    ]
    values = [[np.nan if cell is None else cell["value"] for cell in row] for row in found]
    return np.c_[np.full(4, np.nan), values]


def heat_map(evidence: Evidence, benchmark: str) -> Drawn:
    """IGOE-F2: AUROC for every output term and norm order, printed for ImageNet above, ours below."""
    title, source = (evidence.benchmarks[benchmark][name] for name in ("title", "reproduces"))
    grids = {
        "printed: ImageNet-1k, BiT-S R101x1": _printed(evidence, "IGOE-F2"),
        f"ours: {title}{evidence.over_seeds(benchmark, ', mean over seeds')}": _grid(evidence, benchmark, "average"),
    }
    other = " That is another benchmark: compare the patterns along a row, not the values." * (source != "imagenet")
    return save(
        evidence,
        _drawn(grids),
        f"IGOE-F2.{benchmark}",
        "Average AUROC of feature norm times output term (Igoe et al., Figure 2): above the printed values for "
        f"ImageNet-1k, below ours, {title}.{other} {ORDERED} {MEAN}",
    )


def heat_maps(evidence: Evidence, benchmark: str) -> Drawn:
    """IGOE-C: the grid of every OOD set, ours or for the papers' ImageNet as printed."""
    if evidence.is_ours(benchmark):
        sets = {evidence.title(name): name for name in evidence.benchmarks[benchmark]["ood"]}
        grids = {title: _grid(evidence, benchmark, name) for title, name in sets.items()}
        remark = f"{evidence.over_seeds(benchmark, 'Mean over seeds. ')}{ORDERED} {MEAN}"
    else:
        grids = {f"printed: {name}": _printed(evidence, f"IGOE-C-{name}") for name in PRINTED_SETS}
        remark = (
            "As printed; not run here. Which grid is of which set is inferred from Table 2, which has the same numbers "
            f"for $p = 1$; the fourth, of Textures, is missing from the text at hand. {ORDERED}"
        )
    return save(
        evidence,
        _drawn(grids),
        f"IGOE-C.{benchmark}",
        f"AUROC of feature norm times output term by OOD set: {evidence.where(benchmark)} (Igoe et al., Appendix C). "
        f"{remark}",
    )


def parts(evidence: Evidence, benchmark: str) -> Drawn:
    """IGOE-UV: feature norm against energy, image by image: which of the two tells the sets apart?"""
    about = evidence.benchmarks[benchmark]
    points = evidence.summaries(benchmark)["point", "encoding_output"]
    rows = -(-len(about["ood"]) // 4)
    with style():
        figure, axes = plt.subplots(
            rows,
            min(len(about["ood"]), 4),
            figsize=(WIDTH, min(1.9 * rows + 0.3, HEIGHT)),
            sharex=True,
            sharey=True,
            layout="constrained",
            squeeze=False,
        )
        for axis, dataset in zip(axes.flat, about["ood"], strict=False):
            for name, colour, marker, label in ((about["id"], ID_COLOUR, "o", "ID"), (dataset, OOD_COLOUR, "x", "OOD")):
                look = {"s": 4, "linewidths": 0.6, "color": colour, "marker": marker, "alpha": 0.5, "label": label}
                axis.scatter(points["U", name], points["V", name], **look)
            axis.set(title=wrapped(evidence.title(dataset)))
        for axis in list(axes.flat)[len(about["ood"]) :]:
            axis.set_axis_off()
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, markerscale=2)
        figure.supxlabel(r"$U = \|h\|_1$", size=9)
        figure.supylabel("V: energy", size=9)
    return save(
        evidence,
        figure,
        f"IGOE-UV.{benchmark}",
        f"Feature norm $U$ against energy $V$ for evenly spaced images of each set: {evidence.first(benchmark)}.",
    )
