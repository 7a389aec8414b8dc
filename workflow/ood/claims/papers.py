"""The papers' own benchmarks: their names, the columns of their tables, and which of our sets are which of theirs."""

# The papers' own benchmarks, by the names that config.yaml, claims and artifacts use.
PRINTED = {
    "cifar10": "CIFAR-10, ResNet34",
    "cifar100": "CIFAR-100, ResNet34",
    "imagenet": "ImageNet-1k, BiT-S R101x1",
    "densenet121": "ImageNet-1k, DenseNet-121",
    "resnet50": "ImageNet-1k, ResNet-50",
    "small_scale": "MNIST, SVHN and CIFAR-10",
}

Print = dict[str, str]  # columns of the printed numbers (ood.claims.published) and their values

IMAGENET = {
    label: {"id_dataset": "ImageNet-1k", "ood_dataset": name}
    for label, name in {
        **{name: name for name in ("iNaturalist", "SUN", "Places", "Textures")},
        "Average": "average of 4",
    }.items()
}
SMALL_SCALE = {
    f"{id_dataset} \u2192 {ood_dataset}": {"id_dataset": id_dataset, "ood_dataset": ood_dataset}
    for id_dataset in ("MNIST", "SVHN", "CIFAR-10")
    for ood_dataset in ("MNIST", "SVHN", "CIFAR-10")
    if ood_dataset != id_dataset
} | {"Average": {"id_dataset": "6 ID-OOD pairs", "ood_dataset": "average of 6"}}

_MOS = {
    "inaturalist": IMAGENET["iNaturalist"],
    "sun": IMAGENET["SUN"],
    "places": IMAGENET["Places"],
    "textures_dtd": IMAGENET["Textures"],
    "average": IMAGENET["Average"],
}
# Of each of the papers' own benchmarks, by our in-distribution set: the column that is printed for one of our OOD sets
# or averages. The authors of the small-scale tables convert as the sets named here do, and take the first 10,000 images
# of a test set; their average is over pairs of three networks.
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
        "svhn_id_first10000": {
            "mnist_rgb_corner": SMALL_SCALE["SVHN \u2192 MNIST"],
            "cifar10_test": SMALL_SCALE["SVHN \u2192 CIFAR-10"],
        },
        "cifar10": {
            "mnist_rgb_corner": SMALL_SCALE["CIFAR-10 \u2192 MNIST"],
            "svhn_first10000": SMALL_SCALE["CIFAR-10 \u2192 SVHN"],
        },
    },
}
# The columns of a table of theirs, by label.
OWN = {"imagenet": IMAGENET, "densenet121": IMAGENET, "resnet50": IMAGENET, "small_scale": SMALL_SCALE}


def printed_id(reproduces: str | None, id_dataset: str) -> str | None:
    """What a paper calls the in-distribution set of a benchmark that reproduces one of its own; None for others."""
    columns = REPRODUCED.get(reproduces, {}).get(id_dataset, {})
    return next((column["id_dataset"] for column in columns.values()), None)
