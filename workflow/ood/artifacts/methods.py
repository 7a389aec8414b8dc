"""What artifacts call the methods, by the names of their modules, and which of them are timed."""

LABELS = {
    "msp": "MSP",
    "maxlogit": "MaxLogit",
    "energy": "Energy",
    "odin": "ODIN",
    "react": "ReAct",
    "rankfeat": "RankFeat",
    "gradnorm": "GradNorm",
    "exgrad": "ExGrad",
    "encoding_output": r"$\|h\|_1 \times$ Energy",
    "rg": "RG",
    "gaia_z": "GAIA-Z",
    "gaia_a": "GAIA-A",
    "gradients": r"$E_p \|g\|_2^2$ (S6)",
    "batchgrad": "BatchGrad",
    "gradients_deep": "ExGrad, deep",
    "batchgrad_deep": "BatchGrad, deep",
    "knn": "KNN",
    "kl_matching": "KL-Matching",
    "mahalanobis": "Mahalanobis",
    "mahalanobis_layers": "Mahalanobis (layers)",
    "mos": "MOS",
}
# Those of GAIA's supplement, Table 1, by what they are called there.
TIMED = {
    "msp": "MSP",
    "energy": "Energy",
    "odin": "ODIN",
    "react": "ReAct",
    "gradnorm": "GradNorm",
    "rankfeat": "Rankfeat",
    "gaia_a": "GAIA-A",
    "gaia_z": "GAIA-Z",
}


def label(name: str) -> str:
    """What a figure calls a method: without a name of its own, that of its module."""
    return LABELS.get(name, name.replace("_", " "))
