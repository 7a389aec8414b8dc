"""Output terms and their products: Igoe et al., How Useful are Gradients for OOD Detection Really? (2022), Table 2."""

from ood.artifacts.columns import SIGNS, foot, signed
from ood.artifacts.evidence import Evidence
from ood.artifacts.table import Row, Table

OUTPUTS = {"energy": "Energy", "tv": "TV", "msp": "MSP", "varsum": "VarSum", "varsum_mean": "VarSum (mean)"}


def product(u: str, v: str) -> tuple[str, str]:
    """Our detector and variant for a feature part and an output term."""
    return "encoding_output", f"U={u} V={v}"


def _rows(own: bool) -> list[Row]:
    rows = []
    for u, label, variant in (("1", "", "U=1 (V only)"), ("norm1", r"$\|h\|_1 \times$ ", "U=||h||_1")):
        for v, name in OUTPUTS.items():
            if v == "varsum_mean" and not own:
                continue
            printed = {"method": name, "variant": variant}
            if (u, v) == ("norm1", "tv"):  # GradNorm, printed under that name
                continue
            rows.append(Row(f"U={u} V={v}", label + name, product(u, v), printed))
    gradients = {"GradNorm": "last-layer gradient (= ||h||_1 x TV)", "ExGrad": "last-layer gradient"}
    for name, variant in gradients.items():
        rows.append(Row(name, name, (name.lower(), "weight"), {"method": name, "variant": variant}))
    return rows


def products(evidence: Evidence, benchmark: str) -> Table:
    """IGOE-T2: output terms alone, times the feature norm, and the gradient scores they come from."""
    return Table(
        "IGOE-T2",
        f"IGOE-T2.{benchmark}",
        "Output terms, products with the feature norm, gradient scores: "
        f"{evidence.where(benchmark)} (Igoe et al., Table 2).",
        _rows(evidence.is_ours(benchmark)),
        signed(evidence, "IGOE-T2", benchmark),
        unit="fraction",
        foot=foot(
            evidence,
            benchmark,
            f"{SIGNS} GradNorm is $2\\|h\\|_1 \\times$ TV.",
            "The small-scale numbers flip a score's sign for each pair with an AUROC below 0.5.",
            unit="AUROC as a fraction",
        ),
    )
