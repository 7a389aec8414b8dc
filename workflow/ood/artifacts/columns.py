"""The columns that many tables share: a benchmark's OOD sets and their average, ours or a paper's own."""

from ood.artifacts.evidence import Evidence
from ood.artifacts.table import Column, Panel

IMAGENET = {
    label: {"id_dataset": "ImageNet-1k", "ood_dataset": name}
    for label, name in {
        **{name: name for name in ("iNaturalist", "SUN", "Places", "Textures")},
        "Average": "average of 4",
    }.items()
}


def panels(evidence: Evidence, benchmark: str, metrics: tuple[str, ...] = ("AUROC", "FPR95")) -> list[Panel]:
    """For one of our benchmarks: a panel per metric, a column per OOD set and one for their average."""
    return [
        Panel(
            metric,
            [
                Column(f"{benchmark} {name} {metric}", evidence.title(name), (benchmark, name, metric))
                for name in evidence.columns(benchmark)
            ],
        )
        for metric in metrics
    ]


def printed_panels(datasets: dict[str, dict[str, str]], metrics: tuple[str, ...]) -> list[Panel]:
    """For one of the papers' own benchmarks: label -> the print's ID and OOD columns; ours were not run."""
    return [
        Panel(
            metric,
            [
                Column(f"{' '.join(names.values())} {metric}", label, None, {**names, "metric": metric})
                for label, names in datasets.items()
            ],
        )
        for metric in metrics
    ]
