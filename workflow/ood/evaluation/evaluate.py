"""All metrics of one detector on one benchmark: over seeds, OOD sets, variants and conventions."""

import json
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ood import memory
from ood.errors import Problem
from ood.evaluation import statistics
from ood.evaluation.metrics import INTERVALS, METRICS, Ranking
from ood.progress import track
from ood.step import Inputs, Output, Spec, run


class Measured(NamedTuple):
    """By metric name: ``values`` of each seed (seeds,), and ``draws`` of their mean over seeds (draws,)."""

    values: dict[str, np.ndarray]
    draws: dict[str, np.ndarray]


def weights(rows: dict[str, np.ndarray], draws: int, seed: int) -> dict[str, np.ndarray]:
    """Bootstrap weights (n, draws) of each dataset, stratified: every dataset is resampled within itself.

    They depend on nothing but the seed, the datasets' order and their sizes, so methods are compared on the same
    resamples.
    """
    rng = np.random.default_rng(seed)
    return {name: statistics.bootstrap_weights(len(members), draws, rng) for name, members in rows.items()}


def measure(ids: list[np.ndarray], oods: list[np.ndarray], id_weights: np.ndarray, ood_weights: np.ndarray) -> Measured:
    """All metrics of one variant on one OOD set: each seed's value, and bootstrap draws of the mean over seeds.

    ids and oods: the scores of each seed, (n_ID,) and (n_OOD,). The weights, (n_ID, draws) and (n_OOD, draws), are the
    same for every seed.
    """
    rankings = [Ranking(*pair) for pair in zip(ids, oods, strict=True)]
    once = [ranking.counts(np.ones(len(ids[0])), np.ones(len(oods[0]))) for ranking in rankings]
    again = [ranking.counts(id_weights, ood_weights) for ranking in rankings]
    return Measured(
        {name: np.array([metric(counts) for counts in once]) for name, metric in METRICS.items()},
        {name: np.mean([METRICS[name](counts) for counts in again], axis=0) for name in INTERVALS},
    )


def average(measured: list[Measured]) -> Measured:
    """The unweighted mean over OOD sets, seed by seed and draw by draw."""
    values, draws = zip(*measured, strict=True)
    return Measured(
        {name: np.mean([of_set[name] for of_set in values], axis=0) for name in METRICS},
        {name: np.mean([of_set[name] for of_set in draws], axis=0) for name in INTERVALS},
    )


def summary(measured: Measured, metric: str, confidence: float, kept: bool) -> dict[str, Any]:
    """What a cell holds of one metric: values by seed, mean, sample std; if drawn, an interval and, ``kept``, draws."""
    values = measured.values[metric]
    none = (np.nan, np.nan)
    draws = measured.draws.get(metric, np.array([])) if kept else np.array([])
    low, high = statistics.interval(measured.draws[metric], confidence) if metric in INTERVALS else none
    spread = {"mean": float(values.mean()), "std": statistics.sample_std(values), "low": low, "high": high}
    # Resamples of a few hundred to thousand images: single precision is far more than they have, and half the size.
    return {"metric": metric, "values": values.tolist(), "draws": draws.astype(np.float32), **spread}


def evaluate(scores: Inputs, metrics: Output, spec: Spec) -> None:
    """One row per variant, OOD set (and each unweighted average) and metric; a row is a cell.

    spec: datasets (the ID set first), averages (name -> OOD sets), seeds in the order of ``scores``, bootstrap (draws,
    seed, confidence), drawn (the variants whose draws are kept: those that claims compare, a few of hundreds).
    metrics: parquet with detector, variant, default, dataset, n_id, n_ood, seeds, and what ``summary`` gives; draws,
    low and high are of the mean over seeds, images resampled (the same in every row), for AUROC and FPR95. Raises
    Problem when seeds scored different images.
    """
    memory.keep()
    tables = [pq.read_table(path) for path in scores]
    for path, table in zip(scores, tables, strict=True):
        if not table.select(["dataset", "image"]).equals(tables[0].select(["dataset", "image"])):
            raise Problem(f"{path} has other images, or another order, than {scores[0]}. Delete both and run again.")
    about = json.loads(tables[0].schema.metadata[b"ood"])
    identity, *oods = spec["datasets"]
    dataset = tables[0]["dataset"].to_numpy()
    rows = {name: np.flatnonzero(dataset == name) for name in spec["datasets"]}
    sizes = {ood: len(rows[ood]) for ood in oods}
    sizes |= {name: sum(sizes[ood] for ood in group) for name, group in spec["averages"].items()}
    drawn = weights(rows, spec["bootstrap"]["draws"], spec["bootstrap"]["seed"])
    variants = tables[0].column_names[2:]
    cells = []
    for variant in track(variants, "variant", len(variants)):
        columns = [table[variant].to_numpy() for table in tables]
        scored = {name: [column[members] for column in columns] for name, members in rows.items()}
        measured = {ood: measure(scored[identity], scored[ood], drawn[identity], drawn[ood]) for ood in oods}
        measured |= {name: average([measured[ood] for ood in group]) for name, group in spec["averages"].items()}
        named = {"detector": about["detector"], "variant": variant, "default": variant == about["default"]}
        cells += [
            {
                **named,
                "dataset": ood,
                "n_id": len(rows[identity]),
                "n_ood": sizes[ood],
                "seeds": spec["seeds"],
                **summary(measured[ood], metric, spec["bootstrap"]["confidence"], variant in spec["drawn"]),
            }
            for ood in measured
            for metric in METRICS
        ]
    pd.DataFrame(cells).to_parquet(metrics, index=False)


if __name__ == "__main__":
    run(evaluate)
