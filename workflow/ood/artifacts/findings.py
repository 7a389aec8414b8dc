"""FINDINGS: where a paper contradicts its own code, its own print, or arithmetic, with this run's numbers for it.

A finding is a sentence and a few numbers side by side, printed and ours, most of them cells. Each has the id
``FINDINGS/<finding>/<line>/<benchmark>``, and reaches the page by it alone (ood.artifacts.findings_table).
"""

from typing import NamedTuple

from ood.artifacts.findings_numbers import (
    Number,
    Print,
    cell,
    converted,
    forms,
    in_print,
    last_block,
    layers_by_set,
    mean_of_four,
    of_pairs,
    printed,
    proportion,
    reformatted,
    reordered,
    rounded,
    verdict,
)

FOUR = {"ood_dataset": "average of 4", "metric": "AUROC"}


class Line(NamedTuple):
    """A label; our number on a benchmark, empty where there is none; what is printed of it, if anything."""

    label: str
    ours: Number
    printed: Print = lambda evidence: ""


class Finding(NamedTuple):
    name: str
    sentence: str
    source: str
    lines: tuple[Line, ...]


FINDINGS = (
    Finding(
        "S1",
        "The squared norm of the expected gradient is zero for every image. What is printed of it ranks rounding "
        "errors, and changes with the number format.",
        "Igoe et al., Table 1",
        (
            Line("AUROC, half precision", rounded("s1", "float16", "AUROC")),
            Line(
                "AUROC, single precision",
                rounded("s1", "float32", "AUROC"),
                of_pairs("IGOE-T1", "IGOE-A1", "||E_p[grad log p_Y]||_2^2", "Shallow"),
            ),
            Line("AUROC, double precision", rounded("s1", "float64", "AUROC")),
            Line("largest change of one AUROC, single to double", reformatted),
            Line("largest value, single precision", rounded("s1", "float32", "largest")),
            Line("largest value, double precision", rounded("s1", "float64", "largest")),
        ),
    ),
    Finding(
        "S2",
        "For the last layer this score is the L1 norm of the features but for a factor; it knows nothing of outputs.",
        "Igoe et al., Table 1",
        (
            Line(
                "AUROC of S2, biases included",
                cell("gradients", "S2 weight_and_bias"),
                of_pairs("IGOE-T1", "IGOE-A1", "E_unif[||grad log p_Y||_1]", "Shallow"),
            ),
            Line("AUROC of S2", cell("gradients", "S2 weight")),
            Line("S2 over the norm: largest relative difference of two images", proportion),
            Line("images with another rank", reordered),
        ),
    ),
    Finding(
        "VARSUM",
        "The text defines VarSum with a sum over classes. The printed products with the norm fit their mean, which "
        "hardly varies, so that the product ranks like the norm. Alone, both rank alike.",
        "Igoe et al., Table 2",
        (
            Line(
                "AUROC of VarSum",
                cell("encoding_output", "U=1 V=varsum"),
                of_pairs("IGOE-T2", "IGOE-T2", "VarSum", "U=1 (V only)"),
            ),
            Line("AUROC of norm times VarSum, as defined", cell("encoding_output", "U=norm1 V=varsum")),
            Line(
                "AUROC of norm times VarSum, as printed; ours with the mean",
                cell("encoding_output", "U=norm1 V=varsum_mean"),
                of_pairs("IGOE-T2", "IGOE-T2", "VarSum", "U=||h||_1"),
            ),
            Line("AUROC of the norm", cell("gradients", "S2 weight")),
        ),
    ),
    Finding(
        "FORWARD",
        "GAIA-Z needs no gradient: the gradient is not zero where the ReLU behind it is open, whatever it is of.",
        "GAIA, zero-deflation abnormality",
        (
            Line("AUROC from gradients", cell("gaia_z", "all")),
            Line("AUROC from the forward pass", cell("gaia_z", "forward all")),
            Line("largest relative difference of an image's scores", forms),
        ),
    ),
    Finding(
        "ABSOLUTE",
        "Equation 7 takes absolute values inside the spatial mean, the released code outside.",
        "GAIA supplement, Eq. 7",
        (
            Line("AUROC of GAIA-A, outside", cell("gaia_a", "q=0.5")),
            Line("AUROC of GAIA-A, inside", cell("gaia_a", "q=0.5 mean_abs")),
        ),
    ),
    Finding(
        "BLOCKS",
        "The supplement speaks of the last block; the released code for CIFAR reads two, and for GAIA-Z every layer. "
        "It has no DenseNet: there ours reads every layer.",
        "GAIA supplement, A.1",
        (
            Line("AUROC of GAIA-A, code", cell("gaia_a", "q=0.5")),
            Line("AUROC of GAIA-A, last block", last_block("gaia_a", "q=0.5 ")),
            Line("AUROC of GAIA-Z, code", cell("gaia_z", "all")),
            Line("AUROC of GAIA-Z, last block", last_block("gaia_z")),
        ),
    ),
    Finding(
        "SWITCH",
        "For ImageNet the released code adds a layer to GAIA-Z if the OOD set has the name Textures. A choice by the "
        "set's name, which no detector knows, looks better than it is; below it, the same choice between two sets of "
        "layers that every network has.",
        "GAIA, released code",
        (
            Line("FPR95 on Textures, without", cell("gaia_z", "all", "FPR95", "textures_dtd")),
            Line("FPR95 on Textures, with", cell("gaia_z", "with final norm", "FPR95", "textures_dtd")),
            Line("FPR95 on average, with it on every set", cell("gaia_z", "with final norm", "FPR95")),
            Line("FPR95 over all sets, of every layer", layers_by_set(every=True, last=False)),
            Line("FPR95 over all sets, of the last block", layers_by_set(every=False, last=True)),
            Line("FPR95 over all sets, for each the better of the two", layers_by_set(every=True, last=True)),
        ),
    ),
    Finding(
        "PICTURES",
        "The released codes cut small images out of large pictures, or put small ones into a corner; the field resizes "
        "the whole picture. That changes the task. Averages, over sets of which some have no larger picture.",
        "GAIA and Igoe et al., released code",
        tuple(
            Line(f"AUROC of {label}, {rule}", converted(*ours, average))
            for label, ours in {
                "MSP": ("msp", "msp"),
                "Energy": ("energy", "energy"),
                "GAIA-Z": ("gaia_z", "all"),
            }.items()
            for rule, average in {"as released": "average", "resized": "average_resize"}.items()
        ),
    ),
    Finding(
        "TIES",
        "Under ties the codes' conventions of FPR95 part. S1 in half precision is exactly zero for many images; MSP in "
        "double precision stands beside it.",
        "released codes",
        tuple(
            Line(f"{label}: {words}", rounded(score, form, metric))
            for label, score, form in (("S1", "s1", "float16"), ("MSP", "msp", "float64"))
            for words, metric in {
                "images that share their score": "tied",
                "FPR95": "FPR95",
                "FPR95 of GAIA's code": "FPR95_gaia",
                "FPR95 of GradNorm's code": "FPR95_nearest",
            }.items()
        ),
    ),
    Finding(
        "FLIP",
        "On small networks the sign of a score is chosen for each network and OOD set, after its AUROC is known.",
        "Igoe et al., released code",
        tuple(
            Line(f"AUROC of {label}, {words}", cell(*ours, metric=metric, dataset=average))
            for label, ours, average in (
                ("Energy", ("energy", "energy"), "average"),
                ("GradNorm", ("gradnorm", "weight"), "average"),
                ("GradNorm with resized images", ("gradnorm", "weight"), "average_resize"),
            )
            for words, metric in {"one sign": "AUROC", "best sign for each set": "AUROC_pairwise_flip"}.items()
        ),
    ),
    Finding(
        "CLIP",
        "A very small k is said to be worse than no clipping. The printed average for k = 0.1 is no mean of the four "
        "numbers beside it, and with their mean the statement fails in print (claim RG-T3.3a).",
        "RG, Table 3",
        (
            Line("AUROC, k = 0.1", cell("rg", "k=0.1 T=1"), printed("RG-T3", "RG", "k=0.1; T=1", **FOUR)),
            Line("AUROC, k = 0.1, mean of the four printed", cell("rg", "k=0.1 T=1"), mean_of_four),
            Line("AUROC, no clipping", cell("rg", "k=inf T=1"), printed("RG-T3", "RG", "k=inf; T=1", **FOUR)),
            Line("claim RG-T3.3a", verdict("RG-T3.3a"), in_print("RG-T3.3a")),
        ),
    ),
    Finding(
        "REACT",
        "Papers and codes clip ReAct at four different thresholds.",
        "GAIA supplement; RG; released codes of ReAct and RankFeat",
        (
            Line("AUROC, threshold: 90th percentile, training images", cell("react", "train_percentile")),
            Line("AUROC, threshold: 90th percentile, test images", cell("react", "test_percentile")),
            Line("AUROC, threshold: 1", cell("react", "fixed")),
            Line("AUROC, threshold: 1.25", cell("react", "rankfeat")),
        ),
    ),
)
