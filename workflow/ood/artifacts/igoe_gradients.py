"""The tables of gradient scores of Igoe et al. (2022): last layer and whole network, on average and by OOD set."""

from ood.artifacts.columns import SIGNS, by_set
from ood.artifacts.evidence import Evidence
from ood.artifacts.table import Column, Panel, Row, Table
from ood.claims.papers import SMALL_SCALE

GRADIENTS = {  # id: the print's method, our shallow column
    "S1": ("||E_p[grad log p_Y]||_2^2", None),
    "S2": ("E_unif[||grad log p_Y||_1]", ("gradients", "S2 weight_and_bias")),
    "S3": ("E_unif[||grad log p_Y||_2^2]", ("gradients", "S3 weight_and_bias")),
    "S4": ("||grad E_unif[log p_Y]||_1 (GradNorm)", ("gradnorm", "weight_and_bias")),
    "S5": ("E_p[(log p_Y / p_Y) * ||grad log p_Y||_2^2]", ("gradients", "S5 weight_and_bias")),
    "S6": ("E_p[||grad log p_Y||_2^2]", ("gradients", "S6 weight_and_bias")),
    "S7": ("E_p[||grad log p_Y||_1] (ExGrad)", ("exgrad", "weight_and_bias")),
}
FORMULAS = {
    "S1": r"$\|E_p g_Y\|_2^2$",
    "S2": r"$E_u \|g_Y\|_1$",
    "S3": r"$E_u \|g_Y\|_2^2$",
    "S4": r"$\|E_u g_Y\|_1$, GradNorm",
    "S5": r"$E_p \frac{\log p_Y}{p_Y} \|g_Y\|_2^2$",
    "S6": r"$E_p \|g_Y\|_2^2$",
    "S7": r"$E_p \|g_Y\|_1$, ExGrad",
}
NO_SCORE = "no score"
TERMS = {"varsum": ("VarSum", "ExGrad V term: sum_k p_k(1-p_k)"), "tv": ("TV", "GradNorm V term: sum_k |1/C - p_k|")}
LETTERS = (
    "$g_y$ is the gradient of $\\log p_y$, for the last layer (shallow) or all parameters (deep), biases included. "
    "S1 is zero for every image, so no score: what is printed of it ranks rounding errors."
)


def _gradient_rows() -> list[Row]:
    """Seven scores, deep and shallow, and the two output terms they come from."""
    rows = []
    for name, (method, shallow) in GRADIENTS.items():
        deep = ("gradients_deep", f"{name} weight_and_bias") if shallow else None
        for depth, ours in (("deep", deep), ("shallow", shallow)):
            printed = {"method": method, "variant": depth.capitalize()}
            label = f"{name} {FORMULAS[name]}, {depth}"
            rows.append(Row(f"{name} {depth}", label, ours, printed, instead="" if ours else NO_SCORE))
    for v, (label, method) in TERMS.items():
        rows.append(
            Row(f"V={v}", f"{label} alone", ("encoding_output", f"U=1 V={v}"), {"method": method, "variant": "N/A"})
        )
    return rows


def _batchgrad_rows() -> list[Row]:
    return [
        Row(f"BatchGrad {depth}", f"BatchGrad, {depth}", ours, {"method": "BatchGrad", "variant": depth.capitalize()})
        for depth, ours in (("deep", ("batchgrad_deep", "train")), ("shallow", ("batchgrad", "train")))
    ]


def _averages(evidence: Evidence, artifact: str, caption: str, rows: list[Row], remark: str) -> Table:
    """Averages only: the paper's over six pairs, and a column for each of our benchmarks over its OOD sets."""
    printed = Column("6 pairs AUROC", "six pairs", None, {**SMALL_SCALE["Average"], "metric": "AUROC"})
    own = [
        Column(f"{name} average AUROC", evidence.benchmarks[name]["title"], (name, "average", "AUROC"))
        for name in evidence.shown(artifact)
        if evidence.is_ours(name)
    ]
    return Table(
        artifact,
        artifact,
        caption,
        rows,
        [Panel("AUROC", [printed]), *([Panel("AUROC, ours", own)] if own else [])],
        unit="fraction",
        foot="AUROC as a fraction, averages over OOD sets. Printed: mean $\\pm$ sample standard deviation over six "
        "pairs. Ours: over seeds, of one network without spread; one fixed sign per score; over the sets of the column "
        f"Average in the tables by OOD set. {remark}".strip(),
    )


def _pairs(evidence: Evidence, artifact: str, benchmark: str, what: str, rows: list[Row], remark: str = "") -> Table:
    caption = f"{what}: {evidence.where(benchmark)} (Igoe et al., Appendix A)."
    ours = f"{SIGNS} {remark}".strip()
    return by_set(evidence, artifact, benchmark, caption, rows, ours=ours, printed=remark, fractions=True)


def gradient_scores(evidence: Evidence) -> Table:
    """IGOE-T1: the seven gradient scores and the output terms, on average."""
    caption = "Gradient scores, shallow and deep, and the output terms they come from (Igoe et al., Table 1)."
    return _averages(evidence, "IGOE-T1", caption, _gradient_rows(), LETTERS)


def gradient_scores_by_set(evidence: Evidence, benchmark: str) -> Table:
    """IGOE-A1: the same for every OOD set."""
    return _pairs(evidence, "IGOE-A1", benchmark, "Gradient scores by OOD set", _gradient_rows(), LETTERS)


def batchgrad(evidence: Evidence) -> Table:
    """IGOE-T3: BatchGrad, on average."""
    return _averages(evidence, "IGOE-T3", "BatchGrad (Igoe et al., Table 3).", _batchgrad_rows(), "")


def batchgrad_by_set(evidence: Evidence, benchmark: str) -> Table:
    """IGOE-A2: the same for every OOD set."""
    return _pairs(evidence, "IGOE-A2", benchmark, "BatchGrad by OOD set", _batchgrad_rows())
