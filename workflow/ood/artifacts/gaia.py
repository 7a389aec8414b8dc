"""The tables and figures of GAIA's supplement (NeurIPS 2023)."""

import matplotlib.pyplot as plt

from ood.artifacts.columns import foot, panels
from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import ID_COLOUR, OOD_COLOUR, WIDTH, Drawn, save, style
from ood.artifacts.table import Column, Panel, Row, Table
from ood.evaluation.summaries import ALL

GAIA_A, GAIA_Z = ("gaia_a", "q=0.5"), ("gaia_z", "all")
CIFAR = {  # the papers' own benchmark: what is printed of it
    benchmark: {"id_dataset": identity, "ood_dataset": "average of 5"}
    for benchmark, identity in (("cifar10", "CIFAR-10"), ("cifar100", "CIFAR-100"))
}
FUSIONS = {  # key: label, column of gaia_a, the print's variant
    "top-1 label": ("w/o fusion (top-1 label)", "top1", "w/o fusion (top 1 label)"),
    "output only": ("w/o fusion (output only)", "output", "w/o fusion (output only)"),
    "inner only": ("w/o fusion (inner only)", "inner", "w/o fusion (inner only)"),
    "direct": ("fusion (direct from Eq.\\ 10)", "direct", "fusion (direct from Eq. 10)"),
    "q=0.5": ("fusion ($q = 0.5$)", "q=0.5", "fusion (q=0.5)"),
    "q=1": ("fusion ($q = 1$)", "q=1", "fusion (q=1)"),
    "q=2": ("fusion ($q = 2$)", "q=2", "fusion (q=2)"),
}
# Only of the reproduction: Eq. 7 as printed takes the absolute value inside the spatial mean.
AS_PRINTED = {
    f"{key} mean-abs": (f"{label}, $|\\cdot|$ inside", f"{column} mean_abs", None)
    for key, (label, column, _) in FUSIONS.items()
    if key != "output only"
}


def seed_stability(evidence: Evidence) -> Table:
    """GAIA-S-T2: mean and spread over five seeds; the papers' CIFAR columns and one panel per benchmark of ours."""
    printed = [
        Column(f"{names['id_dataset']} {metric}", f"{names['id_dataset']} {metric}", None, {**names, "metric": metric})
        for names in CIFAR.values()
        for metric in ("FPR95", "AUROC")
    ]
    own = [
        Panel(
            about["title"],
            [
                Column(
                    f"{name} {metric}",
                    metric,
                    (name, "average", metric),
                    {**CIFAR[about["reproduces"]], "metric": metric} if about["reproduces"] in CIFAR else None,
                )
                for metric in ("FPR95", "AUROC")
            ],
        )
        for name, about in evidence.benchmarks.items()
        if name in evidence.shown("GAIA-S-T2")
    ]
    rows = [
        Row(name, name, ours, {"method": name, "variant": "5 seeds"})
        for name, ours in (("GAIA-A", GAIA_A), ("GAIA-Z", GAIA_Z))
    ]
    return Table(
        "GAIA-S-T2",
        "GAIA-S-T2",
        "GAIA over training seeds: FPR95 and AUROC, averages over the OOD sets (GAIA supplement, Table 2).",
        rows,
        [Panel("ResNet34, five seeds", printed), *own],
        foot="Percent. Ours: mean $\\pm$ sample standard deviation ($n-1$) over seeds. The paper does not say which "
        "spread it prints.",
    )


def fusion(evidence: Evidence, benchmark: str) -> Table:
    """GAIA-S-T3 for the papers' ImageNet benchmark or for one of ours."""
    fusions = FUSIONS | (AS_PRINTED if evidence.is_ours(benchmark) else {})
    rows = [
        Row(key, label, ("gaia_a", column), {"method": "GAIA-A", "variant": variant} if variant else None)
        for key, (label, column, variant) in fusions.items()
    ]
    return Table(
        "GAIA-S-T3",
        f"GAIA-S-T3.{benchmark}",
        f"Fusion strategies of GAIA-A: {evidence.where(benchmark)} (GAIA supplement, Table 3).",
        rows,
        panels(evidence, "GAIA-S-T3", benchmark),
        foot=foot(
            evidence,
            benchmark,
            "Rows with $|\\cdot|$ inside follow Eq.\\ 7 as printed, the others the released code.",
        ),
    )


def distributions(evidence: Evidence, benchmark: str) -> Drawn:
    """GAIA-S-F2: how the fusion variants spread the images of the first seed, abnormality growing to the right."""
    about = evidence.benchmarks[benchmark]
    shown = evidence.summaries(benchmark)
    with style():
        figure, axes = plt.subplots(1, 4, figsize=(WIDTH, 1.9), layout="constrained")
        for axis, (column, title) in zip(
            axes,
            {"top1": "top-1 label", "output": "output only", "inner": "inner only", "q=0.5": "fusion, q = 0.5"}.items(),
            strict=True,
        ):
            edges = shown["edges", "gaia_a", column, ALL]
            for dataset, colour, label in ((about["id"], ID_COLOUR, "ID"), (ALL, OOD_COLOUR, "OOD")):
                drawn = {"x": edges[:-1], "bins": edges, "weights": shown["density", "gaia_a", column, dataset]}
                axis.hist(**drawn, histtype="stepfilled", color=colour, alpha=0.35, label=label)
                axis.hist(**drawn, histtype="step", color=colour, linewidth=1)
            axis.set(
                title=title,
                xlabel=r"$\log_{10}$ abnormality" if column != "output" else r"$\log_{10} E_{out}$",
                yticks=[],
            )
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return save(
        evidence,
        figure,
        f"GAIA-S-F2.{benchmark}",
        f"Distributions of GAIA-A's scores, ID against all OOD images: {evidence.first(benchmark)} "
        "(GAIA supplement, Figure 2, and the paper's Figure 5). All panels but the second grow with abnormality; "
        "$E_{out}$ falls with it. One image in two hundred is left out on either side of a panel.",
    )
