"""What a number format decides: the ranking of S1, which is zero, and the ties of MSP.

S1 of Igoe et al. (ood.detectors.gradients) is zero for every image, so that its AUROC is that of rounding errors and
changes with the format. In half precision both scores have ties, under which the papers' conventions of FPR95 part.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from ood.data.index import column
from ood.detectors import Features
from ood.detectors.gradients import s1
from ood.evaluation.metrics import METRICS, Ranking
from ood.evaluation.score import read_features
from ood.evaluation.statistics import sample_std
from ood.step import Inputs, Output, Spec, run

FORMATS = {"float16": np.float16, "float32": np.float32, "float64": np.float64}


def msp(images: Features, dtype: type) -> np.ndarray:
    """max_k p_k computed in a format, (N,)."""
    return softmax(images.z.astype(dtype), axis=1).max(axis=1)


SCORES = {"s1": s1, "msp": msp}


def measures(scores: dict[str, np.ndarray], identity: str, averages: dict[str, list[str]]) -> dict:
    """By (dataset, metric): every metric of each OOD set and average, and of all images the share ``tied`` with another
    and the ``largest`` value."""
    ids = scores[identity]
    found = {}
    for name, oods in scores.items():
        if name != identity:
            counts = Ranking(ids, oods).counts(np.ones(len(ids)), np.ones(len(oods)))
            found |= {(name, metric): float(function(counts)) for metric, function in METRICS.items()}
    for name, group in averages.items():
        found |= {(name, metric): float(np.mean([found[ood, metric] for ood in group])) for metric in METRICS}
    every = np.concatenate(list(scores.values()))
    _, times = np.unique(every, return_counts=True)
    shares = {"tied": float(times[times > 1].sum() / every.size), "largest": float(every.max())}
    return found | {(name, metric): value for name in averages for metric, value in shares.items()}


def rounding(indices: Inputs, features: Inputs, table: Output, spec: Spec) -> None:
    """Compute both scores in each format for the split ``test`` of every dataset.

    features: of each of the seeds every dataset, both in spec's order. spec: benchmark, datasets, the in-distribution
    one first, averages and seeds. table: parquet with the columns of a benchmark's cells (ood.evaluation.cells):
    detector (the score), variant (the format), dataset, metric, ``values`` one per seed, their mean and sample std.
    """
    datasets, rows = spec["datasets"], []
    tested = [np.flatnonzero(column(index, "split") == "test") for index in indices]
    for place in range(len(spec["seeds"])):
        files: list[Path] = features[place * len(datasets) : (place + 1) * len(datasets)]
        images = [read_features(file, members) for file, members in zip(files, tested, strict=True)]
        for detector, score in SCORES.items():
            for variant, dtype in FORMATS.items():
                scores = [score(features, dtype).astype(float) for features in images]
                found = measures(dict(zip(datasets, scores, strict=True)), datasets[0], spec["averages"])
                rows += [(detector, variant, *key, value) for key, value in found.items()]
    keys = ["detector", "variant", "dataset", "metric"]
    grouped = pd.DataFrame(rows, columns=[*keys, "value"]).groupby(keys, sort=False)["value"]
    cells = grouped.agg(values=list, mean="mean", std=sample_std).reset_index()
    cells["seeds"] = [spec["seeds"]] * len(cells)
    cells.assign(benchmark=spec["benchmark"]).to_parquet(table, index=False)


if __name__ == "__main__":
    run(rounding)
