"""What the notebooks may look at: cells, printed numbers, summaries of scores, images, training cards."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from safetensors.numpy import load_file

from ood.artifacts import ARTIFACTS, CARDS, CLOSEUPS, ROUNDING, SHEETS, SUMMARIES, TIMES, VERDICTS, runs
from ood.claims import published, published_checks
from ood.claims.papers import PRINTED
from ood.errors import Problem
from ood.ledger import RESULTS

KEY = ["benchmark", "detector", "variant", "dataset", "metric"]


class Evidence:
    """Read access to the results of all benchmarks and to the papers' printed numbers.

    benchmarks: name -> {title, id, ood: list of datasets, averages: name -> OOD sets, seeds, detectors, timed: list of
    batch sizes, reproduces: one of PRINTED or None}, shown in this ``order``; datasets: name -> title; methods: what
    there is to say of each (ood.config.methods). ``confidence`` is that of intervals and of "within noise",
    ``results`` the folder of all results, ``printed`` that of the printed numbers, ``out`` where artifacts go.
    """

    def __init__(
        self,
        benchmarks: dict,
        order: list[str],
        datasets: dict,
        methods: dict,
        confidence: float,
        results: str,
        printed: str,
        out: str,
    ):
        self.benchmarks, self.datasets = {name: benchmarks[name] for name in order}, datasets
        self.methods, self.confidence = methods, confidence
        self.results, self.out = Path(results), Path(out)
        self.published = published.load(Path(printed))
        frames = [pd.read_parquet(self.results / "cells" / f"{name}.parquet") for name in order]
        self.cells = pd.concat(frames, ignore_index=True).set_index(KEY)
        if twice := list(self.cells.index[self.cells.index.duplicated()]):
            raise Problem(f"the cell {'/'.join(twice[0])} is there twice: does a method name two variants alike?")

    @cached_property
    def slips(self) -> dict[str, str]:
        """Of printed averages that do not follow from the cells beside them: the mean of these cells."""
        found = published_checks.average_slips(self.published)
        return {cell: f"{mean:g}" for cell, mean in zip(found["cell"], found["expected"], strict=True)}

    def _path(self, template: str, **wildcards: str | int) -> Path:
        """The file that a template of the catalogue names, in this folder of results."""
        return self.results / Path(template.format(**wildcards)).relative_to(RESULTS)

    def cell(self, benchmark: str, detector: str, variant: str, dataset: str, metric: str) -> pd.Series:
        """One of our numbers with its seeds, spread and interval. Raises Problem when there is none."""
        key = (benchmark, detector, variant, dataset, metric)
        cells = self.times(benchmark) if metric == "ms" else self.cells
        if key not in cells.index:
            raise Problem(
                f"no cell {'/'.join(key)}: was the variant renamed, or its detector taken from the benchmark?"
            )
        return cells.loc[key]

    def variants(self, benchmark: str, detector: str) -> list[str]:
        """The variants of a detector, in its own order."""
        names = self.cells.index.to_frame(index=False)
        return list(names.loc[(names["benchmark"] == benchmark) & (names["detector"] == detector), "variant"].unique())

    def runs(self, benchmark: str, detector: str) -> bool:
        """Whether a benchmark of ours has a detector's cells; ``network`` stands for the accuracies."""
        return detector in ("network", *self.benchmarks[benchmark]["detectors"])

    def times(self, benchmark: str) -> pd.DataFrame:
        """Milliseconds per image by method and batch, indexed as the cells; a column says on which device."""
        return pd.read_parquet(self._path(TIMES, benchmark=benchmark)).set_index(KEY)

    def verdicts(self, benchmark: str) -> pd.DataFrame:
        """Every claim of the papers with its verdict in print and on the benchmark (ood.claims.verdicts)."""
        return pd.read_parquet(self._path(VERDICTS, benchmark=benchmark))

    def rounding(self, benchmark: str) -> pd.DataFrame:
        """S1 and MSP by number format, indexed as the cells (ood.evaluation.rounding)."""
        return pd.read_parquet(self._path(ROUNDING, benchmark=benchmark)).set_index(KEY)

    def summaries(self, benchmark: str) -> pd.Series:
        """Arrays by kind, detector, variant and dataset: what is shown of scores beside metrics
        (ood.evaluation.summaries)."""
        keys = ["kind", "detector", "variant", "dataset"]
        frame = pd.read_parquet(self._path(SUMMARIES, benchmark=benchmark))
        return frame.set_index(keys)["values"].sort_index()

    def closeup(self, benchmark: str) -> dict[str, np.ndarray]:
        """Arrays by ``dataset/kind/layer`` from inside the benchmark's first network (ood.passes.closeup)."""
        return load_file(self._path(CLOSEUPS, benchmark=benchmark))

    @property
    def titles(self) -> dict[str, str]:
        """What to call the benchmarks, by name."""
        return {name: about["title"] for name, about in self.benchmarks.items()}

    def over_seeds(self, benchmark: str, words: str) -> str:
        """What a caption says of several networks' seeds; of one network nothing."""
        return words if len(self.benchmarks[benchmark]["seeds"]) > 1 else ""

    def first(self, benchmark: str) -> str:
        """A benchmark's name in the caption of what shows its first network only."""
        about = self.benchmarks[benchmark]
        return about["title"] + self.over_seeds(benchmark, f", seed {about['seeds'][0]}")

    def title(self, dataset: str) -> str:
        """What to call a dataset, or an average of several."""
        return self.datasets.get(dataset, dataset.replace("_", " ").capitalize())

    def columns(self, benchmark: str) -> list[str]:
        """The benchmark's OOD sets, then their averages."""
        return [*self.benchmarks[benchmark]["ood"], *self.benchmarks[benchmark]["averages"]]

    def shown(self, artifact: str) -> list[str]:
        """The benchmarks for which an artifact is made: the papers' own that it has numbers of, then ours."""
        about = ARTIFACTS[artifact]
        running = {
            name: runs(*(benchmark[key] for key in ("detectors", "timed", "reproduces", "saliency")))
            for name, benchmark in self.benchmarks.items()
        }
        return [*about.printed_for, *about.shown(running)]

    def default(self, method: str) -> str:
        """The variant of a method that stands for it."""
        return self.methods[method]["default"]

    def is_ours(self, benchmark: str) -> bool:
        """Whether a benchmark is of config.yaml; else it is one of the papers' own, of which there is only print."""
        return benchmark in self.benchmarks

    def where(self, benchmark: str) -> str:
        """A benchmark's name in a caption."""
        return self.benchmarks[benchmark]["title"] if self.is_ours(benchmark) else PRINTED[benchmark]

    def sheet(self, dataset: str) -> np.ndarray:
        """The contact sheet, uint8 (rows * H, columns * W) or with a third axis of colours."""
        return np.asarray(Image.open(self._path(SHEETS, dataset=dataset), formats=["PNG"]))

    def card(self, benchmark: str, seed: int) -> dict[str, Any]:
        """What is known of a checkpoint."""
        return json.loads(self._path(CARDS, benchmark=benchmark, seed=seed).read_text())
