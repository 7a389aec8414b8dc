"""The columns that many tables share: a benchmark's OOD sets and their averages, ours, a paper's own, or both."""

from ood.artifacts import ARTIFACTS
from ood.artifacts.evidence import Evidence
from ood.artifacts.table import Column, Panel
from ood.papers import OWN, REPRODUCED

FLIPPED = "AUROC_pairwise_flip"
SIGNS = (
    "One fixed sign per score; best sign: turned for each pair of ID and OOD set with an AUROC below 0.5, as the code "
    "of Igoe et al.\\ does on the small scale."
)
RANKED = "bold and underlined: best and second best of a column"


def panels(
    evidence: Evidence, artifact: str, benchmark: str, metrics: tuple[str, ...] = ("AUROC", "FPR95")
) -> list[Panel]:
    """A panel per metric: for a benchmark of ours a column per OOD set and average, for a paper's own those printed.

    Where ours reproduces one that the artifact is printed for, the printed numbers stand beside.
    """
    return [
        Panel(metric, (_ours if evidence.is_ours(benchmark) else _printed)(evidence, artifact, benchmark, metric))
        for metric in metrics
    ]


def signed(evidence: Evidence, artifact: str, benchmark: str) -> list[Panel]:
    """The panel of AUROC; for a benchmark of ours with its averages over sets each of which has its best sign."""
    (panel,) = panels(evidence, artifact, benchmark, ("AUROC",))
    averages = evidence.benchmarks[benchmark]["averages"] if evidence.is_ours(benchmark) else []
    best = [
        Column(f"{benchmark} {name} {FLIPPED}", f"{evidence.title(name)}, best sign", (benchmark, name, FLIPPED))
        for name in averages
    ]
    return [Panel(panel.title, panel.columns + best)]


def _ours(evidence: Evidence, artifact: str, benchmark: str, metric: str) -> list[Column]:
    about = evidence.benchmarks[benchmark]
    source = about["reproduces"]
    printed = REPRODUCED[source].get(about["id"], {}) if source in ARTIFACTS[artifact].printed_for else {}
    return [
        Column(
            f"{benchmark} {name} {metric}",
            evidence.title(name),
            (benchmark, name, metric),
            {**printed[name], "metric": metric} if name in printed else None,
        )
        for name in evidence.columns(benchmark)
    ]


def _printed(evidence: Evidence, artifact: str, benchmark: str, metric: str) -> list[Column]:
    found = evidence.published[evidence.published["artifact"] == artifact]
    pairs = set(zip(found["id_dataset"], found["ood_dataset"], strict=True))
    return [
        Column(f"{' '.join(names.values())} {metric}", label, None, {**names, "metric": metric})
        for label, names in OWN[benchmark].items()
        if tuple(names.values()) in pairs
    ]


def foot(evidence: Evidence, benchmark: str, ours: str = "", printed: str = "", unit: str = "Percent") -> str:
    """What stands under such a table: unit and marks, then a remark of its own on either kind."""
    if evidence.is_ours(benchmark):
        return f"{unit}, mean $\\pm$ sample standard deviation over seeds; {RANKED}. {ours}".strip()
    return f"{unit}, as printed; not run here. {printed}".strip()
