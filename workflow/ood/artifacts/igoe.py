"""Output terms and their products: Igoe et al., How Useful are Gradients for OOD Detection Really? (2022), Table 2."""

from ood.artifacts.columns import SIGNS, by_set, prints
from ood.artifacts.evidence import Evidence
from ood.artifacts.table import Row, Table

OUTPUTS = {"energy": "Energy", "tv": "TV", "msp": "MSP", "varsum": "VarSum", "varsum_mean": "VarSum (mean)"}
PRINTED = OUTPUTS | {"varsum_mean": "VarSum"}  # a reading of the same printed products
GRADIENTS = {"GradNorm": "last-layer gradient (= ||h||_1 x TV)", "ExGrad": "last-layer gradient"}


def product(u: str, v: str) -> tuple[str, str]:
    """Our detector and variant for a feature part and an output term."""
    return "encoding_output", f"U={u} V={v}"


def _products(own: bool) -> list[Row]:
    rows = []
    for u, label, variant in (("1", "", "U=1 (V only)"), ("norm1", r"$\|h\|_1 \times$ ", "U=||h||_1")):
        for v, name in OUTPUTS.items():
            if v == "varsum_mean" and not (own and u == "norm1"):  # alone it ranks as VarSum does
                continue
            if (u, v) == ("norm1", "tv"):  # GradNorm, printed under that name
                continue
            printed = {"method": PRINTED[v], "variant": variant}
            rows.append(Row(f"U={u} V={v}", label + name, product(u, v), printed))
    return rows


def _gradients(bias: bool) -> list[Row]:
    """``bias``: by all parameters of the last layer, as in the code behind the small-scale numbers."""
    ours, note = ("weight_and_bias", "with bias") if bias else ("weight", "")
    return [
        Row(name, name, (name.lower(), ours), {"method": name, "variant": variant}, note=note)
        for name, variant in GRADIENTS.items()
    ]


def products(evidence: Evidence, benchmark: str) -> Table:
    """IGOE-T2: output terms alone, times the feature norm, and the gradient scores they come from."""
    own = evidence.is_ours(benchmark)
    bias = own and evidence.benchmarks[benchmark]["reproduces"] == "small_scale"
    norm = r"(\|h\|_1 + 1)" if bias else r"\|h\|_1"
    of = "the last layer's weights and biases" if bias else "the last layer's weights alone"
    remark = f"{SIGNS} GradNorm is $2{norm} \\times$ TV; GradNorm and ExGrad are of {of}."
    if prints(evidence, "IGOE-T2", benchmark):
        remark += (
            " What is printed of $\\|h\\|_1 \\times$ VarSum stands beside two readings: VarSum as defined, a sum over "
            "classes, and with their mean."
        )
    return by_set(
        evidence,
        "IGOE-T2",
        benchmark,
        "Output terms, products with the feature norm, gradient scores: "
        f"{evidence.where(benchmark)} (Igoe et al., Table 2).",
        _products(own) + _gradients(bias),
        ours=remark,
        printed="The sign of a score is flipped for each pair with an AUROC below 0.5." * (benchmark == "small_scale"),
        fractions=True,
    )
