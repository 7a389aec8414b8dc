"""The tables of "RG: Out-of-distribution Detection with Reactivate GradNorm"."""

from ood.artifacts.columns import IMAGENET, panels, printed_panels
from ood.artifacts.evidence import Evidence
from ood.artifacts.table import Row, Table

CLIPS = ("0.1", "0.3", "0.5", "0.7", "1", "2", "3", "5", "inf")
TEMPERATURES = ("0.5", "1", "2", "4", "8", "16", "32", "64")


def _sweep(evidence: Evidence, benchmark: str, artifact: str, what: str, number: int, rows: list[Row]) -> Table:
    own = evidence.is_ours(benchmark)
    return Table(
        artifact,
        f"{artifact}.{benchmark}",
        f"{what}: {evidence.where(benchmark)} (RG, Table {number}).",
        rows,
        panels(evidence, benchmark) if own else printed_panels(IMAGENET, ("AUROC", "FPR95")),
        foot="Percent, mean $\\pm$ sample standard deviation over seeds; bold: best of the column."
        if own
        else "Percent, as printed; not run here.",
    )


def clips(evidence: Evidence, benchmark: str) -> Table:
    """RG-T3: the clip threshold k at T = 1."""
    rows = [
        Row(
            f"k={k}",
            f"$k = {k}$".replace("inf", r"\infty"),
            ("rg", f"k={k} T=1"),
            {"method": "RG", "variant": f"k={k}; T=1"},
        )
        for k in CLIPS
    ]
    return _sweep(evidence, benchmark, "RG-T3", "Clip threshold $k$ of RG at $T = 1$", 3, rows)


def temperatures(evidence: Evidence, benchmark: str) -> Table:
    """RG-T4: the temperature T at k = 1."""
    rows = [
        Row(f"T={t}", f"$T = {t}$", ("rg", f"k=1 T={t}"), {"method": "RG", "variant": f"k=1; T={t}"})
        for t in TEMPERATURES
    ]
    return _sweep(evidence, benchmark, "RG-T4", "Temperature $T$ of RG at $k = 1$", 4, rows)
