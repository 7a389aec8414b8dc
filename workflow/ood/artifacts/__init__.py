"""Tables and figures as functions of cells, called by the notebooks.

``CATALOGUE`` lists them; their ids are those of the papers' tables and figures. An artifact exists once for each
benchmark of config.yaml, once for each of the papers' own benchmarks for which its numbers are printed
(``printed_for``), or, ``across`` benchmarks, once. Beyond the cells it ``reads`` result files, named by templates.
"""

from typing import NamedTuple

SUFFIXES = {"table": ("tex", "csv", "html", "txt"), "figure": ("tex", "pdf", "png")}
# One notebook each.
PAPERS = {"overview": "Overview", "gaia": "GAIA", "igoe": "How useful are gradients?", "rg": "RG"}
# The papers' own benchmarks, by the names that artifacts use.
PRINTED = {"imagenet": "ImageNet-1k", "small_scale": "MNIST, SVHN, CIFAR-10"}

IMAGES = "results/data/{dataset}/images.npy"
CARDS = "results/checkpoints/{benchmark}/seed{seed}/card.json"
GAIA_A = "results/scores/{benchmark}/seed{seed}/gaia_a.parquet"
GAIA_Z = "results/scores/{benchmark}/seed{seed}/gaia_z.parquet"


class Artifact(NamedTuple):
    id: str
    paper: str
    kind: str
    title: str
    across: bool = False
    printed_for: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    def names(self, benchmarks: list[str]) -> dict[str, str]:
        """File name without suffix -> the benchmark it shows (empty when across all)."""
        if self.across:
            return {self.id: ""}
        return {f"{self.id}.{benchmark}": benchmark for benchmark in (*self.printed_for, *benchmarks)}

    def files(self, benchmarks: list[str]) -> dict[str, str]:
        """Every file of the artifact, relative to its paper's folder -> the benchmark it shows."""
        named = self.names(benchmarks).items()
        return {f"{name}.{suffix}": benchmark for name, benchmark in named for suffix in SUFFIXES[self.kind]}


CATALOGUE = (
    Artifact("HEADLINE", "overview", "table", "Every method"),
    Artifact("ACCURACY", "overview", "table", "Accuracy of the networks", across=True),
    Artifact("DATA", "overview", "figure", "The images", reads=(IMAGES,)),
    Artifact("TRAINING", "overview", "figure", "Training curves", across=True, reads=(CARDS,)),
    Artifact("GAIA-S-T2", "gaia", "table", "Five seeds", across=True),
    Artifact("GAIA-S-T3", "gaia", "table", "Fusion strategies", printed_for=("imagenet",)),
    Artifact("GAIA-S-F2", "gaia", "figure", "Distributions of scores", reads=(GAIA_A,)),
    Artifact("GAIA-S-F3", "gaia", "figure", "Contribution of each layer", reads=(GAIA_A, GAIA_Z)),
    Artifact("IGOE-T2", "igoe", "table", "Output terms, products, gradients", printed_for=("small_scale", "imagenet")),
    Artifact("IGOE-F2", "igoe", "figure", "Feature norm against output term"),
    Artifact("RG-T3", "rg", "table", "Clip threshold", printed_for=("imagenet",)),
    Artifact("RG-T4", "rg", "table", "Temperature", printed_for=("imagenet",)),
)
