"""What config.yaml says, as data: its keys, their types and ranges. What its names lead to is in references.py."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ood.data.rows import Title
from ood.errors import Problem, unknown
from ood.train.recipe import Band, Recipe

NAME = r"^[a-z0-9_]+$"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Network(BaseModel):
    """An architecture by file name; every other key is an option of its class."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str


class Weights(Strict):
    """A published checkpoint: a row of workflow/resources/files.csv, and the test accuracy that it must have here.

    ``class_order`` is the dataset's label of each of its outputs, where that is not their own number.
    """

    file: str
    accuracy: Band
    class_order: list[int] | None = None


class Benchmark(Strict):
    """``averages`` names groups of OOD sets to average over, one of them ``average``; without it, that is all sets.

    ``detectors`` names those that run on it, ``also`` adds some that run on request; ``options`` overrides what
    config.yaml sets of theirs, here only.
    ``batch`` is that of all passes of its network, where extraction.batch would be too large for the device's memory.
    ``reproduces`` names the papers' own benchmark whose printed numbers stand beside this one's; ``resembles`` one that
    it has networks of, but not the images or the size: what a paper says of others is not judged on it.
    ``timed`` are the batch sizes for which methods are timed on it: times differ from run to run, unlike all else.
    """

    title: Title
    id: str
    ood: list[str] = Field(min_length=1)
    averages: dict[Annotated[str, Field(pattern=NAME)], Annotated[list[str], Field(min_length=1)]] | None = None
    network: Network
    recipe: str | None = None
    weights: Weights | None = None
    seeds: list[Annotated[int, Field(ge=0)]] = Field([0], min_length=1)
    detectors: list[str] | None = Field(None, min_length=1)
    also: list[str] = []
    options: dict[str, dict[str, Any]] = {}
    batch: int | None = Field(None, gt=0)
    reproduces: str | None = None
    resembles: str | None = None
    timed: list[Annotated[int, Field(gt=0)]] = []

    def averaged(self) -> dict[str, list[str]]:
        """The groups of OOD sets that are averaged over, by name."""
        return self.averages or {"average": self.ood}

    @model_validator(mode="after")
    def _consistent(self) -> "Benchmark":
        if "average" not in self.averaged():
            raise ValueError("one of the averages must have the name 'average'")
        if (self.recipe is None) == (self.weights is None):
            raise ValueError("either recipe (to train) or weights (a published checkpoint) is expected, not both")
        if self.weights and self.seeds != [0]:
            raise ValueError("a published checkpoint is one network: leave seeds out")
        return self


class Bootstrap(Strict):
    """Intervals by resampling: how many draws, their seed, and the share of them that lies inside."""

    draws: int = Field(gt=1)
    seed: int = Field(ge=0)
    confidence: float = Field(gt=0, lt=1)


class Extraction(Strict):
    """``batch``: images per pass. ``workers``: processes that decode pictures for it, for packed sets only."""

    batch: int = Field(gt=0)
    workers: int = Field(4, gt=0)


class Config(Strict):
    """The whole experiment.

    ``mirror`` is a folder or URL where files are looked for first; ``editions`` say which benchmarks are typeset
    together, ``default`` which of them are made when no target is named. ``on_request`` names the detectors that run
    only on benchmarks which name them.
    """

    mirror: str | None = None
    benchmarks: dict[Annotated[str, Field(pattern=NAME)], Benchmark] = Field(min_length=1)
    editions: dict[Annotated[str, Field(pattern=NAME)], Annotated[list[str], Field(min_length=1)]] = Field(min_length=1)
    default: list[str]
    recipes: dict[str, Recipe]
    detectors: dict[str, dict[str, Any] | None]
    on_request: list[str] = []
    bootstrap: Bootstrap
    extraction: Extraction

    def benchmarks_of(self, editions: list[str]) -> dict[str, Benchmark]:
        """The benchmarks of these editions by name. Raises Problem for an edition that there is not."""
        for edition in editions:
            if edition not in self.editions:
                raise Problem(unknown("edition", edition, self.editions))
        return {name: self.benchmarks[name] for edition in editions for name in self.editions[edition]}

    def band(self, benchmark: str) -> dict[str, Any]:
        """The test accuracy that a benchmark's checkpoints must have, and the key that says so."""
        about = self.benchmarks[benchmark]
        if about.weights:
            return {"band": about.weights.accuracy, "key": f"benchmarks.{benchmark}.weights.accuracy"}
        return {"band": self.recipes[about.recipe].accuracy, "key": f"recipes.{about.recipe}.accuracy"}

    def batch(self, benchmark: str) -> int:
        """Images per pass of a benchmark's network."""
        return self.benchmarks[benchmark].batch or self.extraction.batch

    def methods(self, benchmark: str) -> list[str]:
        """The detectors that run on a benchmark."""
        about = self.benchmarks[benchmark]
        return (about.detectors or [name for name in self.detectors if name not in self.on_request]) + about.also

    def options(self, detector: str, benchmark: str) -> dict[str, Any]:
        """What config.yaml sets of a detector's hyper-parameters on a benchmark."""
        return {**(self.detectors[detector] or {}), **self.benchmarks[benchmark].options.get(detector, {})}
