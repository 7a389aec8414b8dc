"""The tables of "RG: Out-of-distribution Detection with Reactivate GradNorm"."""

from ood.artifacts import ARTIFACTS
from ood.artifacts.columns import foot, panels
from ood.artifacts.evidence import Evidence
from ood.artifacts.table import Row, Table

CLIPS = ("0.1", "0.3", "0.5", "0.7", "1", "2", "3", "5", "inf")
TEMPERATURES = ("0.5", "1", "2", "4", "8", "16", "32", "64")
RATIOS = ("0.3", "0.4", "0.5", "0.6", "0.8", "1", "1.2")
QUOTED = r"$^\dagger$"
# Detector and variant that a row of the main tables stands for, where it is not the detector's default: ReAct with
# RG's c = 1, KL-Matching as in the MOS code, whose number is quoted.
METHODS = {
    "MSP": ("msp", "msp"),
    "KL-matching": ("kl_matching", "test_labels"),
    "Energy": ("energy", "energy"),
    "ReAct": ("react", "fixed"),
    "Mahalanobis": ("mahalanobis", "penultimate"),
    "MOS": ("mos", "clusters"),
    "ODIN": ("odin", "normalised"),
    "Igoe: ||h||_1 x Energy": ("encoding_output", "U=norm1 V=energy"),
    "Gradnorm": ("gradnorm", "weight"),
}
LABELS = {"Igoe: ||h||_1 x Energy": r"$\|h\|_1 \times$ Energy", "Gradnorm": "GradNorm", "KL-matching": "KL-Matching"}


def _table(evidence: Evidence, benchmark: str, artifact: str, rows: list[Row], remark: str = "") -> Table:
    about = ARTIFACTS[artifact]
    number = artifact.removeprefix("RG-T")
    return Table(
        artifact,
        f"{artifact}.{benchmark}",
        f"{about.title}: {evidence.where(benchmark)} (RG, Table {number}).",
        rows,
        panels(evidence, artifact, benchmark),
        foot=foot(evidence, benchmark, remark, remark),
    )


def _methods(names: dict[str, str], quoted: tuple[str, ...]) -> list[Row]:
    """Rows of baselines: the print's method and its name there; those whose numbers RG quotes have a dagger."""
    return [
        Row(
            method,
            LABELS.get(method, method) + (QUOTED if method in quoted else ""),
            METHODS[method],
            {"method": method, "variant": f"as printed: {name}"},
        )
        for method, name in names.items()
    ]


def _own(*clips: str) -> list[Row]:
    """Rows of RG at T = 1; the print names those with another k than 1."""
    return [
        Row(
            f"RG k={k}",
            f"RG, $k = {k}$",
            ("rg", f"k={k} T=1"),
            {"method": "RG", "variant": "as printed: OURS" + (f"(clips={k})" if k != "1" else "")},
        )
        for k in clips
    ]


def main_results(evidence: Evidence, benchmark: str) -> Table:
    """RG-T1: RG and nine baselines."""
    names = {method: method for method in METHODS} | {"Igoe: ||h||_1 x Energy": "Conor Igoe"}
    quoted = tuple(name for name in names if name != "ReAct")
    remark = f"{QUOTED}: taken by RG from other papers. Ours: Mahalanobis on the last layer, MOS with $K$-means groups."
    return _table(evidence, benchmark, "RG-T1", _methods(names, quoted) + _own("1"), remark)


def ablation(evidence: Evidence, benchmark: str) -> Table:
    """RG-T2: output and feature parts of GradNorm and RG, in RG's letters (U is the output part)."""
    parts = {
        ("GN", "GN"): ("gradnorm", "weight"),
        ("Ours", "GN"): ("rg", "k=inf T=1"),
        ("GN", "Ours"): ("rg", "U=clip V=tv"),
        ("Ours", "1"): ("energy", "energy"),
        ("1", "Ours"): ("rg", "U=clip V=1"),
        ("Ours", "Ours"): ("rg", "k=1 T=1"),
    }
    rows = [
        Row(f"U={u} V={v}", f"$U$ {u}, $V$ {v}", ours, {"method": "RG U/V ablation", "variant": f"U={u}; V={v}"})
        for (u, v), ours in parts.items()
    ]
    remark = "$U$: output part (GN: total variation, ours: energy); $V$: feature part (GN: 1-norm, ours: clipped sum)."
    return _table(evidence, benchmark, "RG-T2", rows, remark)


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
    return _table(evidence, benchmark, "RG-T3", rows)


def temperatures(evidence: Evidence, benchmark: str) -> Table:
    """RG-T4: the temperature T at k = 1."""
    rows = [
        Row(f"T={t}", f"$T = {t}$", ("rg", f"k=1 T={t}"), {"method": "RG", "variant": f"k=1; T={t}"})
        for t in TEMPERATURES
    ]
    return _table(evidence, benchmark, "RG-T4", rows)


def additive(evidence: Evidence, benchmark: str) -> Table:
    """RG-T5: energy plus alpha times the clipped sum."""
    rows = [
        Row(
            f"alpha={ratio}",
            rf"$\alpha = {ratio}\,\alpha_s$",
            ("rg", f"additive alpha={ratio}*alpha_s"),
            {"method": "RG additive (Eq. 12)", "variant": f"alpha={ratio}*alpha_s"},
        )
        for ratio in RATIOS
    ]
    return _table(evidence, benchmark, "RG-T5", rows)


def densenet(evidence: Evidence, benchmark: str) -> Table:
    """RG-T6: a second architecture."""
    names = {
        **{name: name for name in ("MSP", "Energy", "ReAct", "Mahalanobis", "ODIN", "Gradnorm")},
        "Igoe: ||h||_1 x Energy": "Conor Igoe",
    }
    quoted = ("MSP", "Energy", "Mahalanobis", "ODIN", "Gradnorm")
    remark = f"{QUOTED}: printed by RG from the GradNorm paper."
    return _table(evidence, benchmark, "RG-T6", _methods(names, quoted) + _own("1", "0.7", "0.5"), remark)


def neighbours(evidence: Evidence, benchmark: str) -> Table:
    """RG-T7: RG against KNN."""
    rows = [
        Row("KNN", "KNN" + QUOTED, ("knn", "k=50"), {"method": "KNN", "variant": "as printed: KNN"}),
        Row(
            "KNN contrastive",
            "KNN, contrastive network" + QUOTED,
            None,
            {"method": "KNN", "variant": "as printed: -With Contrastive Learning"},
        ),
    ]
    remark = f"{QUOTED}: printed by RG from the KNN paper ($k = 1000$; ours $k = 50$)."
    return _table(evidence, benchmark, "RG-T7", rows + _own("1", "0.7", "0.5"), remark)
