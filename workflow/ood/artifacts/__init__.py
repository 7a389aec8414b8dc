"""Tables and figures as functions of cells, called by the notebooks.

``CATALOGUE`` lists them; their ids are those of the papers' tables and figures. An artifact exists once for each
benchmark of config.yaml, once for each of the papers' own benchmarks for which its numbers are printed
(``printed_for``), or, ``across`` benchmarks, once. Benchmarks that do not run the detectors it ``needs`` have none, nor
those without times (``TIMES``), that reproduce none of the papers' own (``PRINT``), that run fewer than three detectors
(``SEVERAL``), or whose network does not say where LayerCAM looks (``SALIENCY``), where these are needed.
Beyond the cells it ``reads`` result files, named by templates.
"""

from typing import Any, NamedTuple

SUFFIXES = {"table": ("tex", "csv", "html", "txt"), "figure": ("tex", "pdf", "png")}
# One notebook each.
PAPERS = {"overview": "Overview", "gaia": "GAIA", "igoe": "How useful are gradients?", "rg": "RG"}

SHEETS = "results/data/{dataset}/sheet.png"
TIMES = "results/timing/{benchmark}.parquet"
VERDICTS = "results/claims/{benchmark}.parquet"
ROUNDING = "results/rounding/{benchmark}.parquet"
CLOSEUPS = "results/closeups/{benchmark}.safetensors"
CARDS = "results/checkpoints/{benchmark}/seed{seed}/card.json"
SUMMARIES = "results/summaries/{benchmark}.parquet"
GRADIENTS = ("gradients", "gradnorm", "exgrad", "encoding_output")
GAIA = ("gaia_a", "gaia_z")
PRINT = "printed"
SEVERAL = "several"
SALIENCY = "saliency"
# Files that only benchmarks with these detectors have.
ONLY_WITH = {ROUNDING: {"gradients"}}


def runs(detectors: list[str], timed: Any, reproduces: Any, saliency: bool) -> list[str]:
    """What a benchmark has for an artifact to need."""
    also = {TIMES: timed, PRINT: reproduces, SEVERAL: len(detectors) > 2, SALIENCY: saliency}
    return detectors + [name for name, has in also.items() if has]


class Artifact(NamedTuple):
    """A table or a figure: id, the paper that has it, ``table`` or ``figure``, title.

    ``across``: one file for all benchmarks of an edition, else one for each. ``printed_for``: what of the papers' own
    benchmarks it is printed for. ``reads``: templates of the files it is made from, ``needs``: what a benchmark must
    have (``runs``).
    """

    id: str
    paper: str
    kind: str
    title: str
    across: bool = False
    printed_for: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    counts: bool = False  # whether a figure has numbers of its own

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Those of its files; what has numbers has a .csv with an id for each."""
        return (*SUFFIXES[self.kind], *(["csv"] if self.counts else []))

    def shown(self, running: dict[str, list[str]]) -> list[str]:
        """Of benchmarks and what each ``runs``, those the artifact can show."""
        return [benchmark for benchmark, detectors in running.items() if set(self.needs) <= set(detectors)]

    def sources(self, running: dict[str, list[str]]) -> list[tuple[str, str]]:
        """The templates of the files that it reads, each with every benchmark that has such files."""
        return [
            (template, benchmark)
            for template in self.reads
            for benchmark in self.shown(running)
            if ONLY_WITH.get(template, set()) <= set(running[benchmark])
        ]

    def files(self, running: dict[str, list[str]]) -> dict[str, str]:
        """Every file of the artifact, relative to its paper's folder -> the benchmark it shows (empty: all)."""
        shown = [*self.printed_for, *self.shown(running)]
        named = {self.id: ""} if self.across else {f"{self.id}.{benchmark}": benchmark for benchmark in shown}
        return {f"{name}.{suffix}": benchmark for name, benchmark in named.items() for suffix in self.suffixes}


CATALOGUE = (
    Artifact("ACROSS", "overview", "table", "Every method on every benchmark", across=True),
    Artifact("CLAIMS", "overview", "table", "What the papers claim", across=True, reads=(VERDICTS,)),
    Artifact(
        "FINDINGS",
        "overview",
        "table",
        "Where paper, code and print disagree",
        across=True,
        reads=(VERDICTS, ROUNDING, SUMMARIES),
    ),
    Artifact("RUNS", "overview", "table", "What was run, and on what", across=True, reads=(CARDS,)),
    Artifact("METHODS", "overview", "table", "What the methods are", across=True),
    Artifact("HEADLINE", "overview", "table", "Every method"),
    Artifact("ROC", "overview", "figure", "ROC curves", reads=(SUMMARIES,)),
    Artifact("SCORES", "overview", "figure", "Scores by method and OOD set", reads=(SUMMARIES,)),
    Artifact("RANKS", "overview", "figure", "Average ranks of the methods", needs=(SEVERAL,), counts=True),
    Artifact("AGREEMENT", "overview", "figure", "Printed and reproduced numbers", needs=(PRINT,), counts=True),
    Artifact("ACCURACY", "overview", "table", "Accuracy of the networks", across=True),
    Artifact("DATA", "overview", "figure", "The images", reads=(SHEETS,)),
    Artifact("TRAINING", "overview", "figure", "Training curves", across=True, reads=(CARDS,)),
    Artifact("GAIA-S-T1", "gaia", "table", "Time per image", across=True, reads=(TIMES,), needs=(TIMES,)),
    Artifact("TIMES", "gaia", "figure", "Time as a multiple of MSP's", reads=(TIMES,), needs=(TIMES,)),
    Artifact("GAIA-S-T2", "gaia", "table", "Five seeds", across=True, needs=GAIA),
    Artifact("GAIA-S-T3", "gaia", "table", "Fusion strategies", printed_for=("imagenet",), needs=("gaia_a",)),
    # The paper's Figure 5 as well, which has the same panels.
    Artifact("GAIA-S-F2", "gaia", "figure", "Distributions of scores", reads=(SUMMARIES,), needs=("gaia_a",)),
    Artifact("GAIA-S-F1", "gaia", "figure", "Saliency maps by block", reads=(CLOSEUPS,), needs=(SALIENCY,)),
    Artifact(
        "GAIA-S-F3",
        "gaia",
        "figure",
        "Contribution of each layer",
        reads=(SUMMARIES, CARDS),
        needs=GAIA,
        counts=True,
    ),
    Artifact("GAIA-M-F2", "gaia", "figure", "Average gradients by channel", reads=(CLOSEUPS,), needs=GAIA),
    Artifact("GAIA-M-F3a", "gaia", "figure", "Maps of non-zero gradients", reads=(CLOSEUPS,), needs=GAIA),
    Artifact("GAIA-M-F3b", "gaia", "figure", "Non-zero gradients by channel", reads=(CLOSEUPS,), needs=GAIA),
    Artifact("GAIA-M-F4", "gaia", "figure", "Ablation over blocks", needs=GAIA),
    Artifact("IGOE-F1", "igoe", "figure", "Output terms on the simplex", across=True),
    Artifact("IGOE-T1", "igoe", "table", "Gradient scores", across=True, needs=GRADIENTS),
    Artifact("IGOE-A1", "igoe", "table", "Gradient scores by OOD set", printed_for=("small_scale",), needs=GRADIENTS),
    Artifact(
        "IGOE-T2",
        "igoe",
        "table",
        "Output terms, products, gradients",
        printed_for=("small_scale", "imagenet"),
        needs=("encoding_output", "gradnorm", "exgrad"),
    ),
    Artifact("IGOE-T3", "igoe", "table", "BatchGrad", across=True, needs=("batchgrad",)),
    Artifact("IGOE-A2", "igoe", "table", "BatchGrad by OOD set", printed_for=("small_scale",), needs=("batchgrad",)),
    Artifact(
        "IGOE-C",
        "igoe",
        "figure",
        "Feature norm against output term by OOD set",
        printed_for=("imagenet",),
        needs=("encoding_output",),
    ),
    Artifact("IGOE-UV", "igoe", "figure", "The two parts of a score", reads=(SUMMARIES,), needs=("encoding_output",)),
    Artifact("IGOE-F2", "igoe", "figure", "Feature norm against output term", needs=("encoding_output",)),
    Artifact("RG-T1", "rg", "table", "Main results", printed_for=("imagenet",), needs=("rg",)),
    Artifact("RG-T2", "rg", "table", "Output and feature parts", printed_for=("imagenet",), needs=("rg", "gradnorm")),
    Artifact("RG-T3", "rg", "table", "Clip threshold", printed_for=("imagenet",), needs=("rg",)),
    Artifact("RG-T4", "rg", "table", "Temperature", printed_for=("imagenet",), needs=("rg",)),
    Artifact("RG-T5", "rg", "table", "Additive combination", printed_for=("imagenet",), needs=("rg",)),
    Artifact("RG-T6", "rg", "table", "RG at three thresholds", printed_for=("densenet121",), needs=("rg",)),
    Artifact("RG-T7", "rg", "table", "RG against KNN", printed_for=("resnet50",), needs=("rg", "knn")),
)
ARTIFACTS = {artifact.id: artifact for artifact in CATALOGUE}
