"""All methods on a benchmark, as figures: ROC curves, average ranks, and what is printed against what came out."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ood.artifacts import ARTIFACTS, gaia, igoe, igoe_gradients, rg
from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import COLOURS, WIDTH, Drawn, said, save, style
from ood.artifacts.methods import LABELS
from ood.artifacts.table import CONFIDENCE, FACTOR, Table
from ood.detectors import method
from ood.published_checks import quantities
from ood.ranks import cliques, compare
from ood.summaries import FALSE_POSITIVES

# The three papers' own methods, and the two that they all compare with: a colour and a dash, to be told apart in grey.
DRAWN = {
    "msp": ("grey", ":"),
    "energy": ("grey", "-"),
    "gradnorm": (COLOURS[0], "-"),
    "exgrad": (COLOURS[0], "--"),
    "encoding_output": (COLOURS[4], "-"),
    "rg": (COLOURS[4], "--"),
    "gaia_z": (COLOURS[1], "-"),
    "gaia_a": (COLOURS[1], "--"),
}
# Every printed table by OOD set, a paper's main tables first, and the one across benchmarks that prints a number of a
# benchmark of ours.
TABLES = {
    "GAIA-S-T3": gaia.fusion,
    "IGOE-T2": igoe.products,
    "IGOE-A1": igoe_gradients.gradient_scores_by_set,
    "IGOE-A2": igoe_gradients.batchgrad_by_set,
    "RG-T1": rg.main_results,
    "RG-T2": rg.ablation,
    "RG-T3": rg.clips,
    "RG-T4": rg.temperatures,
    "RG-T5": rg.additive,
    "RG-T6": rg.densenet,
    "RG-T7": rg.neighbours,
}
ACROSS = {"GAIA-S-T2": gaia.seed_stability}
PAIR = ["artifact", "metric", "quantity", "printed", "ours", "noise", "agrees"]


def roc(evidence: Evidence, benchmark: str) -> Drawn:
    """ROC: mean over seeds of the share of ID images accepted at each share of OOD images accepted."""
    about = evidence.benchmarks[benchmark]
    drawn = {name: look for name, look in DRAWN.items() if name in about["detectors"]}
    curves = evidence.summaries(benchmark)["curve"]
    wide = min(len(about["ood"]), 4)
    high = -(-len(about["ood"]) // wide)
    with style():
        shape = {"figsize": (WIDTH, 1.75 * high + 0.5), "layout": "constrained", "squeeze": False}
        figure, axes = plt.subplots(high, wide, sharex=True, sharey=True, **shape)
        for place, (axis, ood) in enumerate(zip(axes.flat, about["ood"], strict=False)):
            for name, (colour, dash) in drawn.items():
                mean = curves[name, method(name).default, ood]
                axis.plot(
                    100 * FALSE_POSITIVES, 100 * mean, color=colour, linestyle=dash, linewidth=1, label=LABELS[name]
                )
            axis.set(title=evidence.title(ood), xlim=(0, 100), ylim=(0, 101))
            axis.tick_params(labelbottom=place + wide >= len(about["ood"]))  # none below it
        for axis in list(axes.flat)[len(about["ood"]) :]:
            axis.set_axis_off()
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
        figure.supxlabel("OOD images accepted (%)", size=9)
        figure.supylabel("ID images accepted (%)", size=9)
    return save(
        evidence,
        figure,
        f"ROC.{benchmark}",
        f"ROC curves, mean over seeds at each share of OOD images: {about['title']}. FPR95 is where a curve passes "
        "95\\,\\%.",
    )


def _bracket(axis: Axes, first: float, last: float, height: float, **look) -> None:
    axis.plot([first, last], [height, height], solid_capstyle="butt", clip_on=False, **look)


def ranks(evidence: Evidence, benchmark: str) -> Drawn:
    """RANKS: critical-difference diagram of the default variants by AUROC; a block is an OOD set and a seed."""
    about = evidence.benchmarks[benchmark]
    names = about["detectors"]
    values = np.array(
        [
            np.concatenate([evidence.cell(benchmark, name, column, ood, "AUROC")["values"] for ood in about["ood"]])
            for name in names
            for column in [method(name).default]
        ]
    ).T
    found = compare(values, CONFIDENCE)
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
            label = LABELS.get(names[which], names[which].replace("_", " "))
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
    blocks, p = (said("RANKS", benchmark, what) for what in ("blocks", "Friedman's p"))
    return save(
        evidence,
        figure,
        f"RANKS.{benchmark}",
        f"Average ranks by AUROC over {blocks} blocks, an OOD set and a seed each: {about['title']}. Bars join "
        f"methods that Nemenyi's test at 5\\,\\% does not tell apart (Dem\\v{{s}}ar 2006); $p$ of Friedman's test: "
        f"{p}. The test takes blocks for independent, and they share ID images and networks.",
        numbers,
    )


def pairs(evidence: Evidence, benchmark: str) -> pd.DataFrame:
    """Every printed number that stands beside one of ours, once: artifact, metric, both, what is noise (percent), and
    whether they agree up to it (ood.artifacts.table).

    Of a number that several tables print the first counts, and of the rows that read one printed row the first.
    """
    source = evidence.benchmarks[benchmark]["reproduces"]
    tables = [
        TABLES[name](evidence, benchmark)
        for name in TABLES
        if source in ARTIFACTS[name].printed_for and benchmark in evidence.shown(name)
    ]
    tables += [table(evidence) for name, table in ACROSS.items() if benchmark in evidence.shown(name)]
    found = [_beside(evidence, benchmark, table) for table in tables]
    every = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=PAIR)
    return every.drop_duplicates("quantity", ignore_index=True)


def _beside(evidence: Evidence, benchmark: str, table: Table) -> pd.DataFrame:
    entries = table.entries(evidence)
    both = entries[(entries["difference"] != "") & entries["cell"].str.startswith(f"{benchmark}/")]
    scale = 100 / FACTOR[table.unit]
    columns = {
        "artifact": table.artifact,
        "metric": both["cell"].str.rpartition("/")[2],
        "quantity": both["published"].map(quantities(evidence.published)),
        "printed": scale * both["printed"].str.partition(" ")[0].astype(float),
        "ours": scale * both["mean"],
        "noise": scale * both.get("noise", pd.Series(dtype=float)),
        "agrees": ~both["difference"].str.endswith("*"),
    }
    return pd.DataFrame(columns, columns=PAIR)


def agreement(evidence: Evidence, benchmark: str) -> Drawn:
    """AGREEMENT: every printed number that a benchmark reproduces against ours."""
    title, found = evidence.benchmarks[benchmark]["title"], pairs(evidence, benchmark)
    artifacts, shapes = list(dict.fromkeys(found["artifact"])), "os^vDP*X<>"
    metrics = [metric for metric in ("AUROC", "FPR95") if (found["metric"] == metric).any()] or ["AUROC"]
    with style():
        figure, axes = plt.subplots(1, len(metrics), figsize=(WIDTH, 2.7), layout="constrained", squeeze=False)
        for axis, metric in zip(axes[0], metrics, strict=True):
            shown = found[found["metric"] == metric]
            both = np.concatenate([shown["printed"], shown["ours"]]).astype(float) if len(shown) else np.array([0, 100])
            low, high = both.min() - 2, min(both.max() + 2, 100)
            axis.axline((low, low), slope=1, color="grey", linewidth=0.6)
            for place, artifact in enumerate(artifacts):
                points, colour = shown[shown["artifact"] == artifact], COLOURS[place % len(COLOURS)]
                for agrees, face in ((True, colour), (False, "none")):
                    some = points[points["agrees"] == agrees]
                    axis.scatter(
                        some["printed"],
                        some["ours"],
                        s=14,
                        marker=shapes[place],
                        facecolors=face,
                        edgecolors=colour,
                        linewidths=0.8,
                        label=artifact if agrees else None,
                    )
            axis.set(title=f"{metric} (%)", xlabel="printed", ylabel="ours", xlim=(low, high), ylim=(low, high))
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper")
    half = f"{found['noise'].median():.2f}" if len(found) else "none"
    numbers = {"within noise": str(found["agrees"].sum()), "compared": str(len(found)), "median noise": half}
    agree, compared, noise = (said("AGREEMENT", benchmark, what) for what in numbers)
    return save(
        evidence,
        figure,
        f"AGREEMENT.{benchmark}",
        f"Printed numbers against ours: {title}. Filled: within noise, as in the tables ({agree} of {compared}), whose "
        f"median half width in points is {noise}. On the line both are equal. Each printed number counts once: of two "
        "tables the paper's main one has it, and of two rows of ours that read it the one as the paper defines it.",
        numbers,
    )
