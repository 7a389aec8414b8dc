"""All metrics of one detector on one benchmark: over seeds, OOD sets, variants and conventions."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ood import statistics
from ood.metrics import INTERVALS, METRICS, Ranking
from ood.progress import track
from ood.step import Inputs, Output, Spec, run

AVERAGE = "average"


def weights(groups: dict[str, np.ndarray], draws: int, seed: int) -> dict[str, np.ndarray]:
    """Bootstrap weights (draws, n) of each dataset, stratified: every dataset is resampled within itself.

    They depend on nothing but the seed, the datasets' order and their sizes, so methods are compared on the same
    resamples.
    """
    rng = np.random.default_rng(seed)
    return {name: statistics.bootstrap_weights(len(rows), draws, rng) for name, rows in groups.items()}


def evaluate(scores: Inputs, metrics: Output, spec: Spec) -> None:
    """One row per variant, OOD set (and their unweighted average) and metric; a row is a cell.

    spec: datasets (the ID set first), seeds in the order of ``scores``, bootstrap (draws, seed, confidence). metrics:
    parquet with detector, variant, default, dataset, metric, n_id, n_ood, seeds and values (lists), mean and std over
    seeds (n - 1) and, for AUROC and FPR95, low and high: the bootstrap interval of the mean over seeds, images
    resampled, the same resample for all seeds.
    """
    tables = [pq.read_table(path) for path in scores]
    about = json.loads(tables[0].schema.metadata[b"ood"])
    identity, *oods = spec["datasets"]
    dataset = tables[0]["dataset"].to_numpy()
    groups = {name: np.flatnonzero(dataset == name) for name in spec["datasets"]}
    drawn = weights(groups, spec["bootstrap"]["draws"], spec["bootstrap"]["seed"])
    variants = tables[0].column_names[2:]
    cells = []
    for variant in track(variants, "variant", len(variants)):
        columns = [table[variant].to_numpy() for table in tables]
        values, draws = {}, {}
        for ood in oods:
            rankings = [Ranking(column[groups[identity]], column[groups[ood]]) for column in columns]
            point = [ranking.counts(np.ones(len(groups[identity])), np.ones(len(groups[ood]))) for ranking in rankings]
            values[ood] = {name: np.array([metric(counts) for counts in point]) for name, metric in METRICS.items()}
            spread = [ranking.counts(drawn[identity], drawn[ood]) for ranking in rankings]
            draws[ood] = {name: np.mean([METRICS[name](counts) for counts in spread], axis=0) for name in INTERVALS}
        values[AVERAGE] = {name: np.mean([values[ood][name] for ood in oods], axis=0) for name in METRICS}
        draws[AVERAGE] = {name: np.mean([draws[ood][name] for ood in oods], axis=0) for name in INTERVALS}
        for ood in (*oods, AVERAGE):
            sizes = {
                "n_id": len(groups[identity]),
                "n_ood": sum(len(groups[name]) for name in oods if ood in (name, AVERAGE)),
            }
            for name, per_seed in values[ood].items():
                low, high = (
                    statistics.interval(draws[ood][name], spec["bootstrap"]["confidence"])
                    if name in INTERVALS
                    else (np.nan, np.nan)
                )
                cells.append(
                    {
                        "detector": about["detector"],
                        "variant": variant,
                        "default": variant == about["default"],
                        "dataset": ood,
                        "metric": name,
                        **sizes,
                        "seeds": spec["seeds"],
                        "values": per_seed.tolist(),
                        "mean": float(per_seed.mean()),
                        "std": statistics.sample_std(per_seed),
                        "low": low,
                        "high": high,
                    }
                )
    pd.DataFrame(cells).to_parquet(metrics, index=False)


def read_cells(paths: list[Path]) -> pd.DataFrame:
    """The cells of several metrics files in one frame."""
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)


if __name__ == "__main__":
    run(evaluate)
