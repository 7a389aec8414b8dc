"""What figures and findings show of scores beside metrics, in one small file per benchmark: notebooks read no scores.

A row is an array by kind, detector, variant and dataset (``ALL``: all OOD sets together):

curve           a default variant's ROC curve: at each of FALSE_POSITIVES the share of ID images, mean over seeds
linear, log10   what a default variant's histograms lie between on either scale, one of the two; first seed
share           a default variant's histogram between these: share of a set's images in each of BINS
edges, density  histogram of GAIA-A's fusion variants, log10, first seed
mean            a layer's score by GAIA-A and GAIA-Z, over images and seeds
point           feature norm U and energy V of evenly spaced images, first seed
forms           GAIA-Z's forward form against the gradients' own
norm            S2 against the feature norm
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ood.step import Inputs, Output, Spec, run

ALL = "all OOD"
FALSE_POSITIVES = np.linspace(0, 1, 201)
ROUNDING = 1e-12
BINS = 30
CUT = (0.5, 99.5)  # percentiles between which scores are drawn
DECADES = 2  # scores of one sign that span more are drawn on a logarithmic scale
FUSED = ("top1", "output", "inner", "q=0.5")
LAYERS = {"gaia_a": "q=0.5 layer=", "gaia_z": "layer="}
POINTS = 200  # images of a set in a scatter plot
PRODUCT, ENERGY, S2 = "U=norm1 V=energy", "U=1 V=energy", "S2 weight"


class Summary(NamedTuple):
    """Numbers of one kind (a function of this module) for a method's variant on a dataset, or over all of them."""

    kind: str
    detector: str
    variant: str
    dataset: str
    values: np.ndarray


def columns(file: Path, *names: str) -> pd.DataFrame:
    """Some variants of a score file, indexed by dataset."""
    return pd.read_parquet(file, columns=["dataset", *names]).astype({"dataset": str}).set_index("dataset")


def default(file: Path) -> str:
    """The default variant of a score file."""
    return json.loads(pq.read_schema(file).metadata[b"ood"])["default"]


def true_positives(ids: np.ndarray, oods: np.ndarray) -> np.ndarray:
    """The ROC curve of scores (n_ID,) and (n_OOD,): at each of FALSE_POSITIVES the largest share of ID that a threshold
    accepts which accepts no more OOD."""
    thresholds = np.unique(np.concatenate([ids, oods]))[::-1]
    tp, fp = ((len(part) - np.searchsorted(np.sort(part), thresholds)) / len(part) for part in (ids, oods))
    return np.r_[0, tp][np.searchsorted(fp, FALSE_POSITIVES + ROUNDING, side="right")]


def curves(detector: str, files: list[Path], identity: str, oods: list[str]) -> Iterator[Summary]:
    """The ROC curves of a detector's default variant, a file per seed."""
    variant = default(files[0])
    seeds = [columns(file, variant)[variant] for file in files]
    for ood in oods:
        drawn = [true_positives(*(scores.loc[dataset].to_numpy() for dataset in (identity, ood))) for scores in seeds]
        yield Summary("curve", detector, variant, ood, np.mean(drawn, axis=0))


def _log10(magnitudes: pd.Series) -> pd.Series:
    """With 0 as the smallest number there is."""
    return np.log10(magnitudes.clip(lower=np.finfo(float).tiny))


def scaled(scores: pd.Series) -> tuple[str, pd.Series]:
    """The name of a scale on which the scores' bulk can be seen, and the scores on it, in the same order."""
    low, high = np.percentile(scores, CUT)
    if low * high > 0 and abs(np.log10(high / low)) > DECADES:
        sign = np.sign(low)
        return "log10", sign * _log10(sign * scores)
    return "linear", scores


def histograms(detector: str, file: Path, sets: list[str]) -> Iterator[Summary]:
    """Of each set the histogram of a detector's default variant."""
    variant = default(file)
    scale, scores = scaled(columns(file, variant)[variant])
    ends = np.percentile(scores, CUT)
    yield Summary(scale, detector, variant, ALL, ends)
    for dataset in sets:
        counts, _ = np.histogram(scores.loc[dataset], BINS, ends)
        yield Summary("share", detector, variant, dataset, counts / len(scores.loc[dataset]))


def distributions(file: Path, identity: str) -> Iterator[Summary]:
    """Histograms of GAIA-A's fusion variants, each with the same edges for ID and OOD images."""
    for name, scores in columns(file, *FUSED).items():
        values = _log10(scores.abs())
        edges = np.linspace(*np.percentile(values, CUT), BINS + 1)
        yield Summary("edges", "gaia_a", name, ALL, edges)
        for dataset, members in ((identity, values.index == identity), (ALL, values.index != identity)):
            yield Summary("density", "gaia_a", name, dataset, np.histogram(values[members], edges, density=True)[0])


def layers(detector: str, files: list[Path], identity: str) -> Iterator[Summary]:
    """The magnitude of each layer's mean score."""
    names = [name for name in pq.read_schema(files[0]).names if name.startswith(LAYERS[detector])]
    scores = pd.concat([columns(file, *names) for file in files])
    for dataset, members in ((identity, scores.index == identity), (ALL, scores.index != identity)):
        for name, mean in scores[members].mean().abs().items():
            yield Summary("mean", detector, name, dataset, np.array([mean]))


def forms(files: list[Path]) -> Iterator[Summary]:
    """How far GAIA-Z's two forms are apart: at most, as a share of the forward form, on how many images, of how many.

    That form is the larger one, and not 0 where an image has lost all its gradients. Nothing without both forms.
    """
    if "forward all" in pq.read_schema(files[0]).names:
        scores = pd.concat([columns(file, "all", "forward all") for file in files])
        off = (1 - scores["all"] / scores["forward all"]).abs()
        yield Summary("forms", "gaia_z", "forward all", ALL, np.array([off.max(), (off > 0).sum(), len(off)]))


def points(file: Path, identity: str, oods: list[str]) -> Iterator[Summary]:
    """U and V of at least ``POINTS`` images of each set, or all."""
    scores = columns(file, PRODUCT, ENERGY)
    for dataset in (identity, *oods):
        some = scores.loc[dataset]
        some = some.iloc[:: max(len(some) // POINTS, 1)]
        yield Summary("point", "encoding_output", "U", dataset, (some[PRODUCT] / some[ENERGY]).to_numpy())
        yield Summary("point", "encoding_output", "V", dataset, some[ENERGY].to_numpy())


def norms(products: Path, gradients: Path) -> tuple[np.ndarray, np.ndarray]:
    """S2 of the last layer and ||h||_1 (a product with energy over energy), image by image, where there is energy."""
    product, energy = columns(products, PRODUCT, ENERGY).to_numpy().T
    s2 = columns(gradients, S2)[S2].to_numpy()
    return s2[energy != 0], (product / np.where(energy, energy, 1))[energy != 0]


def proportion(pairs: list[tuple[np.ndarray, np.ndarray]]) -> Iterator[Summary]:
    """How far S2 is from a constant times ||h||_1: at most and relatively; how many images have another rank by it
    than by the norm, values up to rounding being equal; of how many."""
    ratios = [s2[norm > 0] / norm[norm > 0] for s2, norm in pairs]
    ranks = [[pd.Series(np.round(part / part.max(), 12)).rank() for part in pair] for pair in pairs]
    other = sum((norms != gradients).sum() for norms, gradients in ranks)
    largest = max(np.ptp(ratio) / ratio.mean() for ratio in ratios)
    yield Summary("norm", "gradients", S2, ALL, np.array([largest, other, sum(len(norms) for norms, _ in ranks)]))


def summaries(scores: Inputs, table: Output, spec: Spec) -> None:
    """All that a benchmark has of the above.

    spec: id and ood (datasets), detectors and seeds, in the order of ``scores``: every seed of the first detector, then
    of the next. table: parquet with the fields of ``Summary``.
    """
    identity, oods, seeds = spec["id"], spec["ood"], len(spec["seeds"])
    files = {name: scores[place * seeds : (place + 1) * seeds] for place, name in enumerate(spec["detectors"])}
    found = [curve for name, paths in files.items() for curve in curves(name, paths, identity, oods)]
    found += [histogram for name, paths in files.items() for histogram in histograms(name, paths[0], [identity, *oods])]
    for name in (name for name in LAYERS if name in files):
        found += layers(name, files[name], identity)
    if "gaia_a" in files:
        found += distributions(files["gaia_a"][0], identity)
    if "gaia_z" in files:
        found += forms(files["gaia_z"])
    if "encoding_output" in files:
        found += points(files["encoding_output"][0], identity, oods)
    if {"encoding_output", "gradients"} <= files.keys():
        pairs = zip(files["encoding_output"], files["gradients"], strict=True)
        found += proportion([norms(*pair) for pair in pairs])
    pd.DataFrame(found).to_parquet(table, index=False)


if __name__ == "__main__":
    run(summaries)
