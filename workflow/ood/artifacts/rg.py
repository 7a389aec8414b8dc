"""The tables of "RG: Out-of-distribution Detection with Reactivate GradNorm"."""

from ood.artifacts import ARTIFACTS
from ood.artifacts.columns import by_set, prints
from ood.artifacts.evidence import Evidence
from ood.artifacts.table import Row, Table

CLIPS = ("0.1", "0.3", "0.5", "0.7", "1", "2", "3", "5", "inf")
TEMPERATURES = ("0.5", "1", "2", "4", "8", "16", "32", "64")
RATIOS = ("0.3", "0.4", "0.5", "0.6", "0.8", "1", "1.2")
QUOTED = r"$^\dagger$"
# Detector and variant that a row of the main tables stands for, and a note on it: ReAct with RG's c = 1, KL-Matching as
# in the MOS code, whose number is quoted.
METHODS = {
    "MSP": (("msp", "msp"), ""),
    "KL-matching": (("kl_matching", "test_labels"), "test labels"),
    "Energy": (("energy", "energy"), ""),
    "ReAct": (("react", "fixed"), "$c = 1$"),
    "Mahalanobis": (("mahalanobis", "penultimate"), "last layer"),
    "MOS": (("mos", "clusters"), "$K$-means groups"),
    "ODIN": (("odin", "normalised"), ""),
    "Igoe: ||h||_1 x Energy": (("encoding_output", "U=norm1 V=energy"), ""),
    "Gradnorm": (("gradnorm", "weight"), ""),
}
LEAKY = ("mahalanobis_layers", "leaky"), "layers, leaky"  # the code whose numbers are quoted
LABELS = {"Igoe: ||h||_1 x Energy": r"$\|h\|_1 \times$ Energy", "Gradnorm": "GradNorm", "KL-matching": "KL-Matching"}


def _table(
    evidence: Evidence,
    benchmark: str,
    artifact: str,
    rows: list[Row],
    remark: str = "",
    quoted: tuple[str, ...] = (),
    source: str = "",
) -> Table:
    """``quoted``: rows whose printed numbers RG has from a ``source``; they have a dagger where these stand."""
    caption = f"{ARTIFACTS[artifact].title}: {evidence.where(benchmark)} (RG, Table {artifact.removeprefix('RG-T')})."
    if quoted and prints(evidence, artifact, benchmark):
        rows = [row._replace(label=row.label + QUOTED) if row.key in quoted else row for row in rows]
        remark = f"{QUOTED}: printed by RG from {source}. {remark}".strip()
    return by_set(evidence, artifact, benchmark, caption, rows, ours=remark, printed=remark)


def _methods(evidence: Evidence, benchmark: str, names: dict[str, str]) -> list[Row]:
    """Rows of baselines: the print's method and its name there."""
    own = evidence.is_ours(benchmark)
    methods = METHODS | ({"Mahalanobis": LEAKY} if own and evidence.runs(benchmark, LEAKY[0][0]) else {})
    return [
        Row(
            method,
            LABELS.get(method, method),
            methods[method][0],
            {"method": method, "variant": f"as printed: {name}"},
            note=methods[method][1] if own else "",
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
    rows = _methods(evidence, benchmark, names) + _own("1")
    return _table(evidence, benchmark, "RG-T1", rows, quoted=quoted, source="other papers")


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
    rows = _methods(evidence, benchmark, names) + _own("1", "0.7", "0.5")
    return _table(evidence, benchmark, "RG-T6", rows, quoted=quoted, source="the GradNorm paper")


def neighbours(evidence: Evidence, benchmark: str) -> Table:
    """RG-T7: RG against KNN."""
    contrastive = {"method": "KNN", "variant": "as printed: -With Contrastive Learning"}
    note = "$k = 50$" if evidence.is_ours(benchmark) else ""
    rows = [
        Row("KNN", "KNN", ("knn", "k=50"), {"method": "KNN", "variant": "as printed: KNN"}, note=note),
        Row("KNN contrastive", "KNN, contrastive network", None, contrastive),
        *_own("1", "0.7", "0.5"),
    ]
    quoted = ("KNN", "KNN contrastive")
    return _table(evidence, benchmark, "RG-T7", rows, quoted=quoted, source="the KNN paper ($k = 1000$)")
