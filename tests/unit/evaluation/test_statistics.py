"""Spread and intervals against the standard library and numpy; cells of ``evaluate`` against hand-made score files."""

import json
import math
import statistics as stdlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from ood.errors import Problem
from ood.evaluation import evaluate, statistics

SIZES = {"identity": 40, "near": 25, "far": 7}


def test_sample_std_is_the_standard_library_s():
    for count in range(2, 8):
        values = np.random.default_rng(count).normal(size=count)
        assert statistics.sample_std(values) == pytest.approx(stdlib.stdev(values.tolist()), rel=1e-12)
    assert statistics.sample_std(np.array([1.0, 3.0])) == pytest.approx(math.sqrt(2))
    assert math.isnan(statistics.sample_std(np.array([1.0])))


@pytest.mark.parametrize(("confidence", "ends"), [(0.9, (5, 95)), (0.5, (25, 75))])
def test_interval_leaves_equal_tails(confidence, ends):
    draws = np.random.default_rng(0).permutation(np.arange(101.0))
    assert statistics.interval(draws, confidence) == pytest.approx(ends)


def test_bootstrap_weights_are_resamples():
    weights = statistics.bootstrap_weights(30, 4000, np.random.default_rng(1))
    assert weights.shape == (30, 4000) and set(weights.sum(axis=0)) == {30}
    assert (weights == np.round(weights)).all() and weights.min() == 0
    assert weights.mean(axis=1) == pytest.approx(np.ones(30), abs=5 / math.sqrt(4000))
    assert weights.var(axis=1) == pytest.approx(np.full(30, 29 / 30), rel=0.2)  # binomial (30, 1/30)
    assert np.array_equal(weights, statistics.bootstrap_weights(30, 4000, np.random.default_rng(1)))
    assert not np.array_equal(weights, statistics.bootstrap_weights(30, 4000, np.random.default_rng(2)))


def test_every_dataset_is_resampled_by_its_own_draws():
    rows = {"identity": np.arange(30), "near": np.arange(30)}
    first, other = evaluate.weights(rows, 20, seed=5), evaluate.weights(rows, 20, seed=6)
    drawn = [*first.values(), *other.values()]
    assert all((one != two).any() for place, one in enumerate(drawn) for two in drawn[:place])
    assert (first["near"] == evaluate.weights(rows, 20, seed=5)["near"]).all()


def write_scores(path, seed: int, detector: str = "msp", variants: tuple[str, ...] = ("b", "a"), default: str = "a"):
    """A score file, its rows mixed but the same for all seeds; every variant has its own fixed random scores."""
    labels = np.random.default_rng(0).permutation(np.repeat(list(SIZES), list(SIZES.values())))
    columns = {name: np.random.default_rng([seed, ord(name)]).normal(labels == "identity") for name in "abc"}
    table = pa.table({"dataset": labels, "image": np.arange(len(labels)), **{name: columns[name] for name in variants}})
    pq.write_table(table.replace_schema_metadata({"ood": json.dumps({"detector": detector, "default": default})}), path)
    return labels, columns


def cells_of(folder, seeds: tuple[int, ...] = (3, 7), draws: int = 50, **options) -> pd.DataFrame:
    files = [folder / f"{seed}.parquet" for seed in seeds]
    for seed, file in zip(seeds, files, strict=True):
        write_scores(file, seed, **options)
    bootstrap = {"draws": draws, "seed": 5, "confidence": 0.9}
    averages = {"average": list(SIZES)[1:], "average_far": ["far"]}
    spec = {"datasets": list(SIZES), "averages": averages, "seeds": list(seeds), "bootstrap": bootstrap, "drawn": ["a"]}
    evaluate.evaluate(files, folder / "cells.parquet", spec)
    return pd.read_parquet(folder / "cells.parquet").set_index(["variant", "dataset", "metric"])


def test_a_cell_is_the_metric_over_seeds(tmp_path):
    cells = cells_of(tmp_path)
    assert len(cells) == 2 * 4 * 8 and set(cells["detector"]) == {"msp"}
    assert cells["default"].groupby("variant").unique().map(list).to_dict() == {"a": [True], "b": [False]}
    exact = {}
    for variant in "ab":
        for ood in ("near", "far"):
            exact[ood] = []
            for seed in (3, 7):
                labels, columns = write_scores(tmp_path / "again.parquet", seed)
                pair = np.isin(labels, ["identity", ood])
                exact[ood].append(roc_auc_score(labels[pair] == "identity", columns[variant][pair]))
        exact["average_far"] = exact["far"]
        exact["average"] = [stdlib.mean(pair) for pair in zip(exact["near"], exact["far"], strict=True)]  # unweighted
        for ood, values in exact.items():
            cell = cells.loc[(variant, ood, "AUROC")]
            assert list(cell["values"]) == pytest.approx(values, rel=1e-12) and list(cell["seeds"]) == [3, 7]
            assert cell["mean"] == pytest.approx(stdlib.mean(values), rel=1e-12)
            assert cell["std"] == pytest.approx(stdlib.stdev(values), rel=1e-9)


def test_counts_and_averages_of_every_metric(tmp_path):
    cells = cells_of(tmp_path)
    assert set(cells["n_id"]) == {40}
    sizes = cells.groupby("dataset")["n_ood"].unique().map(list).to_dict()
    assert sizes == {"near": [25], "far": [7], "average": [32], "average_far": [7]}
    for variant, _, metric in cells.index:
        near, far, average = (
            np.array(cells.loc[(variant, name, metric), "values"]) for name in ("near", "far", "average")
        )
        assert average == pytest.approx((near + far) / 2, rel=1e-12)
    assert cells["low"].notna().groupby("metric").all().to_dict() == {
        name: name in ("AUROC", "FPR95") for name in cells.index.unique("metric")
    }


def test_the_interval_is_that_of_resampled_images(tmp_path):
    cells = cells_of(tmp_path)
    weights = evaluate.weights({name: np.arange(size) for name, size in SIZES.items()}, draws=50, seed=5)
    files = [write_scores(tmp_path / "again.parquet", seed) for seed in (3, 7)]
    areas = {"near": np.zeros(50), "far": np.zeros(50)}
    for ood, area in areas.items():
        for draw in range(50):
            for labels, columns in files:
                parts = [columns["a"][labels == name] for name in ("identity", ood)]
                sample = np.concatenate([weights[name][:, draw] for name in ("identity", ood)])
                truth = np.repeat([1, 0], [len(part) for part in parts])
                area[draw] += roc_auc_score(truth, np.concatenate(parts), sample_weight=sample) / 2
    for ood, area in {**areas, "average": (areas["near"] + areas["far"]) / 2}.items():
        cell = cells.loc[("a", ood, "AUROC")]
        assert (cell["low"], cell["high"]) == pytest.approx(tuple(np.quantile(area, [0.05, 0.95])), rel=1e-10)
        assert cell["draws"] == pytest.approx(area, rel=1e-6)


def test_draws_are_kept_of_the_variants_that_are_asked_for_and_intervals_of_all(tmp_path):
    cells = cells_of(tmp_path)
    kept = {(variant, metric) for (variant, _, metric), draws in cells["draws"].items() if len(draws)}
    assert kept == {("a", "AUROC"), ("a", "FPR95")}
    assert cells["low"].xs("b").notna().any()


def test_all_methods_meet_the_same_resamples(tmp_path):
    first = cells_of(tmp_path, detector="first", variants=("a", "b"))
    second = cells_of(tmp_path, detector="second", variants=("c", "b"), default="c")
    columns = ["mean", "std", "low", "high"]
    assert first.loc["b", columns].equals(second.loc["b", columns])
    assert set(first["detector"]) == {"first"} and set(second["detector"]) == {"second"}


@pytest.mark.parametrize("change", ["dataset", "image"])
def test_seeds_with_other_images_are_refused(tmp_path, change):
    files = [tmp_path / f"{seed}.parquet" for seed in (3, 7)]
    for seed, file in zip((3, 7), files, strict=True):
        write_scores(file, seed)
    table = pq.read_table(files[1])
    place = table.column_names.index(change)
    pq.write_table(table.set_column(place, change, table[change][::-1]), files[1])
    spec = {"datasets": list(SIZES), "averages": {}, "seeds": [3, 7], "drawn": []}
    spec["bootstrap"] = {"draws": 2, "seed": 5, "confidence": 0.9}
    with pytest.raises(Problem, match=r"7\.parquet has other images, or another order, than .*3\.parquet"):
        evaluate.evaluate(files, tmp_path / "cells.parquet", spec)


def test_one_seed_has_no_spread(tmp_path):
    cells = cells_of(tmp_path, seeds=(3,))
    assert cells["std"].isna().all() and (cells["low"].dropna() < cells["high"].dropna()).all()
