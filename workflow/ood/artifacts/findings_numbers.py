"""The numbers beside findings: a cell, a number by its number format, a difference of two scores, what is printed."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from ood.artifacts.evidence import Evidence
from ood.claims.papers import printed_id
from ood.claims.published import lookup

Number = Callable[[Evidence, str], str]  # on a benchmark of ours; empty where there is none
Print = Callable[[Evidence], str]


def percent(cell: pd.Series) -> str:
    """A cell's mean and spread."""
    return f"{100 * cell['mean']:.2f}" + (f" ± {100 * cell['std']:.2f}" if len(cell["seeds"]) > 1 else "")


def cell(detector: str, variant: str, metric: str = "AUROC", dataset: str = "average") -> Number:
    """A cell of the benchmarks that have it."""

    def number(evidence: Evidence, benchmark: str) -> str:
        key = (benchmark, detector, variant, dataset, metric)
        return percent(evidence.cells.loc[key]) if key in evidence.cells.index else ""

    return number


def converted(detector: str, variant: str, average: str) -> Number:
    """An average AUROC of the benchmarks that have pictures both as the released codes convert them and resized."""

    def number(evidence: Evidence, benchmark: str) -> str:
        both = "average_resize" in evidence.benchmarks[benchmark]["averages"]
        return cell(detector, variant, dataset=average)(evidence, benchmark) if both else ""

    return number


def rounded(score: str, form: str, metric: str) -> Number:
    """A number of ood.evaluation.rounding; ``largest`` as it is."""

    def number(evidence: Evidence, benchmark: str) -> str:
        if not evidence.runs(benchmark, "gradients"):
            return ""
        found = evidence.rounding(benchmark).loc[(benchmark, score, form, "average", metric)]
        return power(max(found["values"])) if metric == "largest" else percent(found)

    return number


def reformatted(evidence: Evidence, benchmark: str) -> str:
    """By how many points the AUROC of S1 changes from single to double precision, at most: of one network and set."""
    if not evidence.runs(benchmark, "gradients"):
        return ""
    values = evidence.rounding(benchmark)["values"]
    changes = [
        np.subtract(*(values[benchmark, "s1", form, ood, "AUROC"] for form in ("float32", "float64")))
        for ood in evidence.benchmarks[benchmark]["ood"]
    ]
    return f"{100 * np.abs(changes).max():.2f}"


def power(value: float) -> str:
    """A small number, with a true minus sign."""
    return f"{value:.1e}".replace("e-0", "e-").replace("-", "\u2212") if value else "0"


def _last(evidence: Evidence, benchmark: str, detector: str, prefix: str = "") -> str | None:
    """The variant of the network's last block."""
    found = [variant for variant in evidence.variants(benchmark, detector) if variant.startswith(f"{prefix}block=")]
    return found[-1] if found else None


def last_block(detector: str, prefix: str = "") -> Number:
    """The cell of the network's last block."""

    def number(evidence: Evidence, benchmark: str) -> str:
        variant = _last(evidence, benchmark, detector, prefix)
        return cell(detector, variant)(evidence, benchmark) if variant else ""

    return number


def layers_by_set(every: bool, last: bool) -> Number:
    """FPR95 of GAIA-Z with every layer, with the last block's or, of both, with those that are better on an OOD set;
    the mean over all OOD sets."""

    def number(evidence: Evidence, benchmark: str) -> str:
        block = _last(evidence, benchmark, "gaia_z")
        if not block:
            return ""
        variants = ["all"] * every + [block] * last
        sets = evidence.benchmarks[benchmark]["ood"]
        found = [[evidence.cell(benchmark, "gaia_z", variant, ood, "FPR95") for variant in variants] for ood in sets]
        better = [min(cells, key=lambda cell: cell["mean"]) for cells in found]
        seeds = pd.Series(np.mean([cell["values"] for cell in better], axis=0))
        return percent(pd.Series({"mean": seeds.mean(), "std": seeds.std(), "seeds": better[0]["seeds"]}))

    return number


def summarised(kind: str, say: Callable[..., str]) -> Number:
    """What ``say`` makes of the numbers of ood.evaluation.summaries: the largest relative difference, how many images
    differ, of how many."""

    def number(evidence: Evidence, benchmark: str) -> str:
        shown = evidence.summaries(benchmark)
        return say(*shown[kind].iloc[0]) if kind in shown.index.levels[0] else ""

    return number


proportion = summarised("norm", lambda largest, other, count: power(largest))
reordered = summarised("norm", lambda largest, other, count: f"{other:.0f} of {count:.0f}")
forms = summarised("forms", lambda largest, other, count: power(largest))


def printed(artifact: str, method: str, variant: str, **columns: str) -> Print:
    """A printed number, in percent."""

    def number(evidence: Evidence) -> str:
        found = lookup(evidence.published, artifact, method=method, variant=variant, **columns)
        return found["printed"] if found["unit"] == "percent" else f"{100 * found['value']:.{found['decimals'] - 2}f}"

    return number


def of_pairs(average: str, single: str, method: str, variant: str) -> Print:
    """The printed average over six pairs of the small networks, and the mean of the pairs of each that is run here."""
    six = printed(average, method, variant, ood_dataset="average of 6", metric="AUROC")

    def number(evidence: Evidence) -> str:
        wanted = {"artifact": [single], "method": [method], "variant": [variant], "id_dataset": _networks(evidence)}
        cells = evidence.published[evidence.published[list(wanted)].isin(wanted).all(axis="columns")]
        means = cells.groupby("id_dataset", sort=False)["value"].mean()
        return "; ".join([six(evidence), *(f"{name}: {100 * mean:.1f}" for name, mean in means.items())])

    return number


def _networks(evidence: Evidence) -> list[str]:
    """The in-distribution sets, as printed, of the paper's networks that are run here."""
    found = (printed_id(about["reproduces"], about["id"]) for about in evidence.benchmarks.values())
    return [name for name in found if name]


def mean_of_four(evidence: Evidence) -> str:
    """The mean of the four AUROCs that RG prints for k = 0.1 beside their average."""
    table = evidence.published.query("artifact == 'RG-T3' and variant == 'k=0.1; T=1' and metric == 'AUROC'")
    return f"{table.loc[~table['ood_dataset'].str.startswith('average'), 'value'].mean():.2f}"


def verdict(claim: str) -> Number:
    """What became of a claim on a benchmark (ood.claims.verdicts)."""
    return lambda evidence, benchmark: evidence.verdicts(benchmark).set_index("id").at[claim, "verdict"]


def in_print(claim: str) -> Print:
    """What became of a claim on the paper's own cells."""
    return lambda evidence: evidence.verdicts(next(iter(evidence.benchmarks))).set_index("id").at[claim, "printed"]
