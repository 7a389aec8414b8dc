"""The columns that many tables share: a benchmark's OOD sets and their averages, ours, a paper's own, or both."""

from ood.artifacts import ARTIFACTS
from ood.artifacts.evidence import Evidence
from ood.artifacts.table import Column, Panel

Print = dict[str, str]  # columns of the printed numbers (ood.published) and their values

IMAGENET = {
    label: {"id_dataset": "ImageNet-1k", "ood_dataset": name}
    for label, name in {
        **{name: name for name in ("iNaturalist", "SUN", "Places", "Textures")},
        "Average": "average of 4",
    }.items()
}
SMALL_SCALE = {
    f"{one} \u2192 {other}": {"id_dataset": one, "ood_dataset": other}
    for one in ("MNIST", "SVHN", "CIFAR-10")
    for other in ("MNIST", "SVHN", "CIFAR-10")
    if one != other
} | {"Average": {"id_dataset": "6 ID-OOD pairs", "ood_dataset": "average of 6"}}

_MOS = {
    "inaturalist": IMAGENET["iNaturalist"],
    "sun": IMAGENET["SUN"],
    "places": IMAGENET["Places"],
    "textures_dtd": IMAGENET["Textures"],
    "average": IMAGENET["Average"],
}
# Of each of the papers' own benchmarks, by our in-distribution set: the column that is printed for one of our OOD sets
# or averages. The authors of the small-scale tables convert as the sets named here do; their average is over pairs of
# three networks.
REPRODUCED: dict[str, dict[str, dict[str, Print]]] = {
    "imagenet": {"imagenet": _MOS},
    "densenet121": {"imagenet": _MOS},
    "resnet50": {"imagenet": _MOS},
    "small_scale": {
        "mnist": {
            "svhn_grey_corner": SMALL_SCALE["MNIST \u2192 SVHN"],
            "svhn_first_grey_corner": SMALL_SCALE["MNIST \u2192 SVHN"],
            "cifar10_grey_corner": SMALL_SCALE["MNIST \u2192 CIFAR-10"],
        },
        "svhn_id": {
            "mnist_rgb_corner": SMALL_SCALE["SVHN \u2192 MNIST"],
            "cifar10_test": SMALL_SCALE["SVHN \u2192 CIFAR-10"],
        },
        "cifar10": {
            "mnist_rgb_corner": SMALL_SCALE["CIFAR-10 \u2192 MNIST"],
            "svhn": SMALL_SCALE["CIFAR-10 \u2192 SVHN"],
        },
    },
}


FLIPPED = "AUROC_pairwise_flip"
SIGNS = (
    "One fixed sign per score; best sign: turned for each pair of ID and OOD set with an AUROC below 0.5, as the code "
    "of Igoe et al.\\ does on the small scale."
)
RANKED = "bold and underlined: best and second best of a column"
OWN = {"imagenet": IMAGENET, "densenet121": IMAGENET, "resnet50": IMAGENET, "small_scale": SMALL_SCALE}


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
