"""What tables share: rows of methods; columns of sets and averages, of a benchmark or a paper or both; feet."""

from collections.abc import Iterable

from ood.artifacts import ARTIFACTS
from ood.artifacts.evidence import Evidence
from ood.artifacts.methods import LABELS
from ood.artifacts.render import SPECIAL
from ood.artifacts.table import Column, Panel, Row, Table
from ood.claims.papers import OWN, REPRODUCED, Print

FLIPPED = "AUROC_pairwise_flip"
SIGNS = (
    "One fixed sign per score; best sign: turned for each network and OOD set with an AUROC below 0.5, as the code "
    "of Igoe et al.\\ does on the small scale."
)
RANKED = "bold and underlined: best and second best of a column"


def default_rows(evidence: Evidence, names: Iterable[str]) -> list[Row]:
    """A row per method, in its default variant."""
    return [Row(name, LABELS.get(name, name.replace("_", r"\_")), (name, evidence.default(name))) for name in names]


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


def beside(evidence: Evidence, artifact: str, benchmark: str) -> dict[str, Print]:
    """What an artifact prints of the OOD sets and averages of a benchmark of ours, by their names."""
    about = evidence.benchmarks[benchmark]
    source = about["reproduces"]
    return REPRODUCED[source].get(about["id"], {}) if source in ARTIFACTS[artifact].printed_for else {}


def prints(evidence: Evidence, artifact: str, benchmark: str) -> bool:
    """Whether an artifact of a benchmark, of ours or a paper's own, has printed numbers."""
    return not evidence.is_ours(benchmark) or bool(beside(evidence, artifact, benchmark))


def _ours(evidence: Evidence, artifact: str, benchmark: str, metric: str) -> list[Column]:
    printed = beside(evidence, artifact, benchmark)
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


def spread(evidence: Evidence, benchmark: str) -> str:
    """What a number of a benchmark of ours is over its networks."""
    seeds = len(evidence.benchmarks[benchmark]["seeds"])
    return f"mean $\\pm$ sample standard deviation ($n-1$) over {seeds} seeds" if seeds > 1 else "one network"


def averaged(evidence: Evidence, benchmark: str) -> str:
    """Which OOD sets the averages leave out, if they do."""
    about = evidence.benchmarks[benchmark]
    said = []
    for name, sets in about["averages"].items():
        if left := [evidence.title(ood) for ood in about["ood"] if ood not in sets]:
            *most, last = left
            listed = f"{', '.join(most)} and {last}" if most else last
            said.append(f"{evidence.title(name)}: all sets but {listed}.")
    return " ".join(said)


def foot(evidence: Evidence, benchmark: str, ours: str = "", printed: str = "", unit: str = "Percent") -> str:
    """What stands under such a table: unit, marks and averages, then a remark of its own on either kind."""
    if not evidence.is_ours(benchmark):
        return f"{unit}, as printed; not run here. {printed}".strip()
    parts = (f"{unit}, {spread(evidence, benchmark)}; {RANKED}.", averaged(evidence, benchmark), ours)
    return " ".join(part for part in parts if part)


def by_set(
    evidence: Evidence,
    artifact: str,
    benchmark: str,
    caption: str,
    rows: list[Row],
    *,
    ours: str = "",
    printed: str = "",
    fractions: bool = False,
) -> Table:
    """A table of a benchmark by OOD set, in percent or of AUROC as ``fractions``.

    ``ours`` and ``printed``: remarks for its foot. Where nothing is printed beside, rows that were not run are left
    out, and the foot names them.
    """
    left = [] if prints(evidence, artifact, benchmark) else [row for row in rows if not _runs(evidence, benchmark, row)]
    absent = f"Not run: {', '.join(row.key for row in left)}.".translate(SPECIAL) if left else ""
    remark = " ".join(part for part in (ours, absent) if part)
    return Table(
        artifact,
        f"{artifact}.{benchmark}",
        caption,
        [row for row in rows if row not in left],
        (signed if fractions else panels)(evidence, artifact, benchmark),
        unit="fraction" if fractions else "percent",
        foot=foot(evidence, benchmark, remark, printed, "AUROC as a fraction" if fractions else "Percent"),
    )


def _runs(evidence: Evidence, benchmark: str, row: Row) -> bool:
    return bool(row.instead or row.ours and evidence.runs(benchmark, row.ours[0]))
