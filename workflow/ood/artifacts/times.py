"""What methods cost: milliseconds per image, as GAIA's supplement prints them, and drawn."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import COLOURS, WIDTH, Drawn, save, style
from ood.artifacts.methods import LABELS, TIMED
from ood.artifacts.table import Column, Panel, Row, Table
from ood.claims.published import lookup

PRINTED = (("CIFAR", 1), ("CIFAR", 128), ("ImageNet-1k", 8))  # the paper's images and batches
MARKERS = "os^D"


def time_per_image(evidence: Evidence) -> Table:
    """GAIA-S-T1: milliseconds per image by method and batch; the paper's columns, and a panel per timed benchmark."""
    printed = [
        Column(
            f"{name} batch {batch} ms",
            f"{name}, batch {batch}",
            None,
            {"id_dataset": name, "variant": f"batch={batch}"},
        )
        for name, batch in PRINTED
    ]
    timed = [name for name in evidence.shown("GAIA-S-T1") if name in evidence.benchmarks]
    own = [
        Panel(
            f"{evidence.benchmarks[name]['title']}, {evidence.times(name)['device'].iloc[0]}",
            [
                Column(f"{name} batch {batch} ms", f"batch {batch}", (name, f"batch {batch}", "ms"))
                for batch in evidence.benchmarks[name]["timed"]
            ],
        )
        for name in timed
    ]
    rows = [
        Row(LABELS[detector], LABELS[detector], (detector, "alone"), {"method": name, "metric": "time per image"})
        for detector, name in TIMED.items()
    ]
    return Table(
        "GAIA-S-T1",
        "GAIA-S-T1",
        "Milliseconds per image (GAIA supplement, Table 1).",
        rows,
        [Panel("Tesla V100", printed), *own],
        unit="ms",
        foot="Printed: average wall time; GradNorm always one image at a time. Ours: mean $\\pm$ sample standard "
        "deviation ($n-1$) over turns, float32, each method alone, from a batch on the device to its scores, without "
        "loading; GradNorm in closed form, ODIN and RankFeat with all their variants; a CPU runs one thread.",
    )


def _multiples(axis: Axes, title: str, series: dict[str, list[float]]) -> None:
    """Points by label, a method on each line, in the order of ``TIMED``, MSP being 1."""
    lines = range(len(TIMED))
    for (label, times), marker, colour in zip(series.items(), MARKERS, COLOURS, strict=False):
        ratios = [time / times[0] for time in times]
        axis.scatter(ratios, lines, marker=marker, s=18, facecolors="none", edgecolors=colour, label=label)
    axis.axvline(1, color="grey", linewidth=0.6, linestyle=":")
    axis.set(title=title, xscale="log", yticks=lines)
    axis.set_yticklabels([LABELS[detector] for detector in TIMED])
    axis.grid(axis="y", color="lightgrey", linewidth=0.4)
    axis.legend(fontsize=7)


def multiples(evidence: Evidence, benchmark: str) -> Drawn:
    """TIMES: each method's time as a multiple of MSP's at the same batch, in print and here."""
    about = evidence.benchmarks[benchmark]
    printed = {
        f"{name}, batch {batch}": [
            lookup(evidence.published, "GAIA-S-T1", method=method, id_dataset=name, variant=f"batch={batch}")["value"]
            for method in TIMED.values()
        ]
        for name, batch in PRINTED
    }
    ours = {
        f"batch {batch}": [
            evidence.cell(benchmark, detector, "alone", f"batch {batch}", "ms")["mean"] for detector in TIMED
        ]
        for batch in about["timed"]
    }
    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.6), sharex=True, sharey=True, layout="constrained")
        _multiples(left, "printed: Tesla V100", printed)
        _multiples(right, f"ours: {evidence.times(benchmark)['device'].iloc[0]}", ours)
        left.invert_yaxis()
        figure.supxlabel("multiple of MSP's time", size=9)
    return save(
        evidence,
        figure,
        f"TIMES.{benchmark}",
        "What each method takes per image, as a multiple of MSP at the same batch, which puts devices on one scale: "
        f"printed (GAIA supplement, Table 1, ResNet34 and BiT) and {about['title']}, as in Table~\\ref{{GAIA-S-T1}}.",
    )
