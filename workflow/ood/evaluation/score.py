"""One detector on one checkpoint: a column of scores per variant, a row per image of every dataset."""

import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import safe_open

from ood import detectors
from ood.data.index import column
from ood.detectors import Attributions, Detector, Features, Images, Labelled, LabelledImages
from ood.errors import Problem
from ood.progress import track
from ood.step import Inputs, Output, Spec, run


def read_features(path: Path, rows: np.ndarray) -> Features:
    """The chosen rows of a features file, as float64.

    Raises Problem for arrays that do not fit together or are not finite, and for features that are all zero.
    """
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in ("features", "logits", "weight", "bias")}
    h, z, weight, bias = arrays.values()
    fits = weight.shape == (bias.size, *h.shape[1:]) and bias.ndim == 1 and z.shape == (len(h), bias.size)
    if not fits or not weight.size or not len(h) > rows.max(initial=-1):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise Problem(f"{path}: (N, D), (N, C), (C, D), (C,) are expected, it has {shapes}. Delete it and run again.")
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise Problem(f"{path}: {name} are not all finite. Did the training of this network diverge?")
    if not h.any():
        raise Problem(f"{path}: all features of all images are zero. Did this network die in training?")
    chosen = Features(h[rows], z[rows], weight, bias)
    return Features(*(array.astype(float) for array in chosen))


def rows_of(index: Path, split: str) -> np.ndarray:
    """The images of a split that a detector is fitted on. Raises Problem if there are none."""
    rows = np.flatnonzero(column(index, "split") == split)
    if not len(rows):
        raise Problem(f"{index}: no image is of the split '{split}', on which this detector is fitted. Leave it out.")
    return rows


def read_labels(index: Path, rows: np.ndarray, classes: int, network: Path) -> np.ndarray:
    """The chosen images' classes. Raises Problem for one that is none of the network's outputs."""
    labels = column(index, "label")[rows]
    wrong = labels[(labels < 0) | (labels >= classes)]
    if len(wrong):
        raise Problem(
            f"{index}: label {wrong[0]}, but the network of {network} has {classes} outputs. Does the config give the "
            "weights of another dataset's network?"
        )
    return labels


def read_split(index: Path, features: Path, split: str) -> Labelled:
    """One split of the in-distribution set. Raises Problem if it is empty or has a label that is no output."""
    rows = rows_of(index, split)
    given = read_features(features, rows)
    return Labelled(given, read_labels(index, rows, given.z.shape[1], features))


def read_attributions(path: Path, features: Features) -> Attributions:
    """An attributions file; its rows are the images of the split ``test``, as those of ``features``.

    Raises Problem for a network without layers, and for arrays that do not fit.
    """
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
        about = json.loads(file.metadata()["ood"])
    if not about["layers"]:
        raise Problem(
            f"{path}: this network has no normalisation layers, where GAIA reads gradients. Give its benchmark in "
            "config.yaml a list of detectors without gaia_a and gaia_z."
        )
    layers, late, final, blocks = (tuple(about[name]) for name in ("layers", "late", "final", "blocks"))
    channels, shape = arrays.pop("channels"), (len(features.h), len(layers))
    wrong = {name: values.shape for name, values in arrays.items() if values.shape != shape}
    if wrong or channels.shape != shape[1:]:
        found = ", ".join(f"{name} {size}" for name, size in {"channels": channels.shape, **wrong}.items())
        raise Problem(f"{path}: images and layers, {shape}, are expected, it has {found}. Delete it and run again.")
    return Attributions(features, layers, late, channels, arrays, final, blocks)


class Again:
    """What a function gives, from the start each time it is iterated over."""

    def __init__(self, begin: Callable[[], Iterator]):
        self.begin = begin

    def __iter__(self) -> Iterator:
        return self.begin()


def opened(weights: Path, card: Path, batch: int) -> Callable[[Path, Path, np.ndarray], Images]:
    """A checkpoint's network, as a function from images, their index and the chosen rows to what a detector gets."""
    import torch  # these here, so that detectors of features do not wait for torch

    from ood import networks
    from ood.data.loading import Form, batches, job_workers
    from ood.device import deterministic

    device = deterministic()
    network, facts = networks.load(weights, card)
    network.to(device, memory_format=torch.channels_last)

    def read(images: Path, index: Path, rows: np.ndarray, own: tuple | None = None) -> Images:
        form = Form.of(network, facts, own)

        def begin() -> Iterator:
            given = batches(images, index, rows, form, batch, device, job_workers())
            return track(given, "batch", math.ceil(len(rows) / batch))

        return Images(network, Again(begin), form.std)

    return read


def read_labelled_images(read: Callable, weights: Path, images: Path, index: Path, split: str) -> LabelledImages:
    """``read_split`` for a method that consumes the network: ``read`` is what ``opened`` gave for these weights."""
    rows = rows_of(index, split)
    given = read(images, index, rows)
    return LabelledImages(given, read_labels(index, rows, given.network.head.out_features, weights))


def check(columns: dict[str, np.ndarray], detector: str, dataset: str, count: int) -> None:
    """Raise Problem for scores that are not ``count`` finite numbers."""
    for name, values in columns.items():
        bad = int((~np.isfinite(values)).sum())
        if values.shape != (count,) or bad:
            raise Problem(
                f"detector {detector}, variant '{name}', dataset {dataset}: {bad} of {values.size} scores are not "
                f"finite, {count} finite ones were expected. Look for a division by zero or an overflow in "
                f"workflow/ood/detectors/{detector}.py."
            )


def score(
    indices: Inputs,
    features: Inputs,
    attributions: Inputs,
    images: Inputs,
    checkpoint: Inputs,
    scores: Output,
    spec: Spec,
) -> None:
    """Score the split ``test`` of every dataset.

    spec: detector, its options, and the datasets in the order of the file lists, the in-distribution one first; for a
    detector that consumes the network also that network's name, the images per pass, and the ``normalisations`` of sets
    that have their own. ``features``, ``attributions``, ``images`` and ``checkpoint`` (weights, card) are empty where
    the detector does not consume them. scores: parquet with the columns dataset, image (its place in the dataset's
    index) and one per variant.
    Raises Problem for scores that are not finite or that are the same for all images.
    """
    name, datasets = spec["detector"], spec["datasets"]
    method: Detector = detectors.method(name)(**spec["options"])
    tables = []
    splits = [column(index, "split") for index in indices]
    if method.consumes == "network":
        read = opened(*checkpoint, spec["batch"])
        known = partial(read_labelled_images, read, checkpoint[0], images[0], indices[0])
    else:
        known = partial(read_split, indices[0], features[0])
    fitted = method.fit(known("train"), known("test")) if method.needs_train else None
    for place, dataset in enumerate(track(datasets, "dataset", len(datasets))):
        rows = np.flatnonzero(splits[place] == "test")
        if method.consumes == "network":
            given = read(images[place], indices[place], rows, spec.get("normalisations", {}).get(dataset))
        else:
            given = read_features(features[place], rows)
            if method.consumes == "attributions":
                given = read_attributions(attributions[place], given)
        columns = method.score(given, fitted)
        check(columns, name, dataset, len(rows))
        labels = pa.array([dataset] * len(rows)).dictionary_encode()
        tables.append(pa.table({"dataset": labels, "image": rows, **columns}))
    table = pa.concat_tables(tables).unify_dictionaries()
    for variant in table.column_names[2:]:
        if len(table[variant].unique()) == 1:
            raise Problem(f"detector {name}, variant '{variant}': all images have the same score, {table[variant][0]}.")
    about = {"detector": name, "default": method.default, "options": method.model_dump(mode="json")}
    pq.write_table(table.replace_schema_metadata({"ood": json.dumps(about)}), scores)


def modules(detector: str, network: str | None = None, **_: Any) -> tuple[str, ...]:
    """The code that a specification names."""
    return (f"ood.detectors.{detector}", *([f"ood.networks.{network}"] if network else []))


if __name__ == "__main__":
    run(score, roots=lambda arguments: modules(**arguments["spec"]))
