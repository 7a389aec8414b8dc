"""What is printed against what came out: the difference of every number that a benchmark reproduces."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ood.artifacts import ARTIFACTS, gaia, igoe, igoe_gradients, rg
from ood.artifacts.evidence import Evidence
from ood.artifacts.figure import COLOURS, WIDTH, Drawn, said, save, style
from ood.artifacts.table import FACTOR, Table
from ood.claims.published_checks import quantities

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
COLUMNS = ("quantity", "artifact", "label", "dataset", "metric", "printed", "difference", "noise", "agrees")
NAMED = 12  # of the numbers beyond noise, those furthest beyond it
SHAPES = "os^vDP*X<>hd"


def tables(evidence: Evidence, benchmark: str) -> list[Table]:
    """Those in which printed numbers stand beside the benchmark's."""
    source = evidence.benchmarks[benchmark]["reproduces"]
    beside = [name for name in TABLES if source in ARTIFACTS[name].printed_for and benchmark in evidence.shown(name)]
    across = [table for name, table in ACROSS.items() if benchmark in evidence.shown(name)]
    return [*(TABLES[name](evidence, benchmark) for name in beside), *(table(evidence) for table in across)]


def pairs(evidence: Evidence, benchmark: str) -> pd.DataFrame:
    """Every printed number that stands beside one of ours, once, those furthest beyond noise first.

    Its row's label, dataset and metric; what is printed, ours less that, and up to where that is noise
    (ood.artifacts.table), in percent; whether it is. Of a number that several tables print the first counts, and of the
    rows that read one printed row the first.
    """
    frames = [pd.DataFrame(columns=list(COLUMNS))]
    for table in tables(evidence, benchmark):
        entries, labels = table.entries(evidence), {row.key: row.label for row in table.rows}
        both = entries[(entries["difference"] != "") & entries["cell"].str.startswith(f"{benchmark}/")]
        scale, cell = 100 / FACTOR[table.unit], both["cell"].str.rsplit("/", n=2)
        printed = scale * both["printed"].str.partition(" ")[0].astype(float)
        values = {
            "quantity": both["published"].map(quantities(evidence.published)),
            "artifact": table.artifact,
            "label": both["row"].map(labels).str.replace("\\ ", " "),
            "dataset": cell.str[1],
            "metric": cell.str[2],
            "printed": printed,
            "difference": scale * both["mean"] - printed,
            "noise": scale * both["noise"],
            "agrees": ~both["difference"].str.endswith("*"),
        }
        frames.append(pd.DataFrame(values, columns=list(COLUMNS)))
    found = pd.concat([frame for frame in frames if len(frame)] or frames, ignore_index=True)
    found = found.drop_duplicates("quantity", ignore_index=True)
    beyond = (found["difference"].astype(float).abs() - found["noise"]).sort_values(ascending=False, kind="stable")
    return found.loc[beyond.index].reset_index(drop=True)


def _draw(axis: Axes, shown: pd.DataFrame, artifacts: list[str]) -> None:
    """Differences with noise about them, filled where they are within it."""
    axis.axhline(0, color="grey", linewidth=0.6)
    for place, artifact in enumerate(artifacts):
        points, colour = shown[shown["artifact"] == artifact], COLOURS[place % len(COLOURS)]
        look = {"linestyle": "none", "marker": SHAPES[place], "markersize": 3.5, "color": colour}
        for agrees, face in ((True, colour), (False, "white")):
            some = points[points["agrees"] == agrees].astype({"printed": float, "difference": float, "noise": float})
            axis.errorbar(
                some["printed"], some["difference"], some["noise"], markerfacecolor=face, elinewidth=0.5, **look
            )
        axis.plot([], [], label=artifact, **look)


def _named(evidence: Evidence, axes: dict[str, Axes], named: pd.DataFrame) -> list[Line2D]:
    """A number beside each of these points; what it stands for, as lines of a legend without a line."""
    lines = []
    for number, point in enumerate(named.itertuples(), start=1):
        where = {"xytext": (4, 2 if number % 2 else -6), "textcoords": "offset points", "size": 6.5}
        axes[point.metric].annotate(str(number), (point.printed, point.difference), **where)
        what = f"{number}  {point.artifact}: {point.label}, {evidence.title(point.dataset)}"
        lines.append(Line2D([], [], linestyle="none", label=what))
    return lines


def agreement(evidence: Evidence, benchmark: str) -> Drawn:
    """AGREEMENT: ours less the printed number, by the latter, for every number that a benchmark reproduces."""
    title, found = evidence.benchmarks[benchmark]["title"], pairs(evidence, benchmark)
    metrics = [metric for metric in ("AUROC", "FPR95") if (found["metric"] == metric).any()] or ["AUROC"]
    named = found[~found["agrees"].astype(bool)].head(NAMED)
    with style():
        height = 3 + 0.16 * -(-len(named) // 2)
        figure, axes = plt.subplots(1, len(metrics), figsize=(WIDTH, height), layout="constrained", squeeze=False)
        panels = dict(zip(metrics, axes[0], strict=True))
        for metric, axis in panels.items():
            _draw(axis, found[found["metric"] == metric], sorted(found["artifact"].unique()))
            axis.set(title=f"{metric} (%)", xlabel="printed", ylabel="ours less printed")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper")
        lines = _named(evidence, panels, named)
        figure.legend(handles=lines, loc="outside lower left", ncols=2, fontsize=6.5, handlelength=0, handletextpad=0)
    half = f"{found['noise'].median():.2f}" if len(found) else "none"
    numbers = {"within noise": str(found["agrees"].sum()), "compared": str(len(found)), "median noise": half}
    agree, compared, noise = (said("AGREEMENT", benchmark, what) for what in numbers)
    return save(
        evidence,
        figure,
        f"AGREEMENT.{benchmark}",
        f"Ours less the printed number against the printed number, percentage points: {title}. Bars are the noise of "
        f"the tables, {noise} at the median; filled points, whose bar reaches zero, are within it ({agree} of "
        f"{compared}). Those furthest beyond it are numbered and named below the panels. Each printed number counts "
        "once: of two tables the paper's main one has it, and of two rows of ours that read it the one as the paper "
        "defines it.",
        numbers,
    )
