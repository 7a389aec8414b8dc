"""ROC curves of the papers' methods, of what they all compare with, and of the benchmark's best method."""

import matplotlib.pyplot as plt
import numpy as np

from ood.artifacts import methods
from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import COLOURS, WIDTH, Drawn, save, style, wrapped
from ood.evaluation.summaries import FALSE_POSITIVES

# The three papers' own methods, and the two that they all compare with: a colour and a dash each.
DRAWN = {
    "msp": ("black", "-"),
    "energy": (COLOURS[6], "--"),
    "gradnorm": (COLOURS[0], "-"),
    "exgrad": (COLOURS[5], (0, (5, 1))),
    "encoding_output": (COLOURS[4], "-."),
    "rg": (COLOURS[2], "-"),
    "gaia_z": (COLOURS[1], (0, (3, 1, 1, 1))),
    "gaia_a": (COLOURS[3], (0, (2, 1))),
}
BEST = ("#4B0082", "-")  # of the best method, where it is none of these
RECALL = 0.95


def best(evidence: Evidence, benchmark: str) -> str:
    """The method whose default variant has the largest average AUROC."""
    names = evidence.benchmarks[benchmark]["detectors"]
    cells = {name: evidence.cell(benchmark, name, evidence.default(name), "average", "AUROC") for name in names}
    return max(names, key=lambda name: cells[name]["mean"])


def drawn(evidence: Evidence, benchmark: str) -> dict[str, dict]:
    """The methods whose curves are drawn, each with its look."""
    first = best(evidence, benchmark)
    looks = {name: look for name, look in DRAWN.items() if name in evidence.benchmarks[benchmark]["detectors"]}
    return {
        name: {
            "label": methods.label(name) + ", best" * (name == first),
            "color": colour,
            "linestyle": dash,
            "linewidth": 1.6 if name == first else 1,
        }
        for name, (colour, dash) in ({first: BEST} | looks).items()
    }


def roc(evidence: Evidence, benchmark: str) -> Drawn:
    """ROC: mean over seeds of the share of ID images accepted at each share of OOD images accepted."""
    about, looks = evidence.benchmarks[benchmark], drawn(evidence, benchmark)
    curves = evidence.summaries(benchmark)["curve"]
    wide = min(len(about["ood"]), 3)
    high = -(-len(about["ood"]) // wide)
    with style():
        shape = {"figsize": (WIDTH, 1.9 * high + 0.6), "layout": "constrained", "squeeze": False}
        figure, axes = plt.subplots(high, wide, sharex=True, sharey=True, **shape)
        for place, (axis, ood) in enumerate(zip(axes.flat, about["ood"], strict=False)):
            axis.axhline(100 * RECALL, color="lightgrey", linewidth=0.8, zorder=0)
            for name, look in looks.items():
                mean = curves[name, evidence.default(name), ood]
                axis.plot(100 * FALSE_POSITIVES, 100 * mean, **look)
                passes = 100 * np.interp(RECALL, mean, FALSE_POSITIVES)
                axis.plot(passes, 100 * RECALL, "o", color=look["color"], markersize=2.5)
            axis.set(title=wrapped(evidence.title(ood)), xlim=(0, 100), ylim=(0, 101))
            axis.tick_params(labelbottom=place + wide >= len(about["ood"]))  # none below it
        for axis in list(axes.flat)[len(about["ood"]) :]:
            axis.set_axis_off()
        lines = axes[0, 0].get_lines()[1::2]  # without the marks where they pass 95 %
        figure.legend(handles=lines, loc="outside upper center", ncols=5, handlelength=2.8, columnspacing=1.2)
        figure.supxlabel("OOD images accepted (%)", size=9)
        figure.supylabel("ID images accepted (%)", size=9)
    return save(
        evidence,
        figure,
        f"ROC.{benchmark}",
        f"ROC curves{evidence.over_seeds(benchmark, ', mean over seeds at each share of OOD images')}: "
        f"{about['title']}. The grey line is a true positive rate of 95\\,\\%; a dot marks where a curve passes it "
        "(the FPR95 of the mean curve). Drawn are the three papers' methods, MSP and Energy, and the method with the "
        "best average AUROC on these very sets.",
    )
