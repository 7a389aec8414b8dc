"""The tables and figures of Igoe et al., "How Useful are Gradients for OOD Detection Really?" (2022)."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ood.artifacts.columns import foot, panels
from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import WIDTH, save, style
from ood.artifacts.table import Row, Table
from ood.detectors.encoding_output import ORDERS
from ood.published import lookup

OUTPUTS = {"energy": "Energy", "tv": "TV", "msp": "MSP", "varsum": "VarSum", "varsum_mean": "VarSum (mean)"}


def _product(u: str, v: str) -> tuple[str, str]:
    return "encoding_output", f"U={u} V={v}"


def _rows(own: bool) -> list[Row]:
    rows = []
    for u, label, variant in (("1", "", "U=1 (V only)"), ("norm1", r"$\|h\|_1 \times$ ", "U=||h||_1")):
        for v, name in OUTPUTS.items():
            if v == "varsum_mean" and not own:
                continue
            printed = {"method": name, "variant": variant}
            if (u, v) == ("norm1", "tv"):  # GradNorm, printed under that name
                continue
            rows.append(Row(f"U={u} V={v}", label + name, _product(u, v), printed))
    gradients = {"GradNorm": "last-layer gradient (= ||h||_1 x TV)", "ExGrad": "last-layer gradient"}
    for name, variant in gradients.items():
        rows.append(Row(name, name, (name.lower(), "weight"), {"method": name, "variant": variant}))
    return rows


def products(evidence: Evidence, benchmark: str) -> Table:
    """IGOE-T2: output terms alone, times the feature norm, and the gradient scores they come from."""
    return Table(
        "IGOE-T2",
        f"IGOE-T2.{benchmark}",
        "Output terms, products with the feature norm, gradient scores: "
        f"{evidence.where(benchmark)} (Igoe et al., Table 2).",
        _rows(evidence.is_ours(benchmark)),
        panels(evidence, "IGOE-T2", benchmark, ("AUROC",)),
        unit="fraction",
        foot=foot(
            evidence,
            benchmark,
            "One fixed sign per score. GradNorm is $2\\|h\\|_1 \\times$ TV.",
            "The small-scale numbers flip a score's sign for each pair with an AUROC below 0.5.",
            unit="AUROC as a fraction",
        ),
    )


def simplex(evidence: Evidence) -> Figure:
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


def heat_map(evidence: Evidence, benchmark: str) -> Figure:
    """IGOE-F2: AUROC for every output term and norm order, printed for ImageNet above, ours below."""
    orders = [f"{order:g}" if np.isfinite(order) else "inf" for order in ORDERS]
    printed = np.full((4, len(orders)), np.nan)
    for row, name in enumerate(list(OUTPUTS.values())[:4]):
        for column, order in enumerate(orders):
            found = lookup(evidence.published, "IGOE-F2", method=name, variant=f"U=||h||_p, p={order}")
            printed[row, column] = np.nan if found is None else found["value"]
    ours = np.array(
        [
            [
                evidence.cell(benchmark, *_product(u, v), "average", "AUROC")["mean"]
                for u in ("1", *(f"norm{order}" for order in orders))
            ]
            for v in OUTPUTS
        ]
    )
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
