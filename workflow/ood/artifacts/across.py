"""Every method on every benchmark, on average over its OOD sets."""

from ood.artifacts.columns import RANKED, default_rows
from ood.artifacts.evidence import Evidence
from ood.artifacts.table import Column, Panel, Table


def across(evidence: Evidence) -> Table:
    """ACROSS: a row per method in its default variant, a column per benchmark, AUROC and FPR95."""
    names = dict.fromkeys(name for about in evidence.benchmarks.values() for name in about["detectors"])
    titles = evidence.titles.items()
    panels = [
        Panel(metric, [Column(f"{name} {metric}", title, (name, "average", metric)) for name, title in titles])
        for metric in ("AUROC", "FPR95")
    ]
    return Table(
        "ACROSS",
        "ACROSS",
        "Every method in its default variant on every benchmark, average over its OOD sets.",
        default_rows(evidence, names),
        panels,
        foot="Percent, mean $\\pm$ sample standard deviation over seeds where there are several; "
        f"{RANKED}. Benchmarks differ in their OOD sets: compare within a column.",
    )
