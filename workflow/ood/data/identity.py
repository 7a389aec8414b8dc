"""What a prepared set is, array or pack alike: so many images, an index of them, its digest, the facts of its card."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import pandas as pd

from ood.datasets import counted
from ood.errors import Problem
from ood.progress import track
from ood.step import Spec

T = TypeVar("T")


def exactly(pictures: Iterable[T], spec: Spec) -> Iterator[T]:
    """Yield ``pictures``, with progress. Raises Problem when they are more or fewer than the table says."""
    found = 0
    for found, picture in enumerate(track(pictures, "image", spec["count"]), 1):
        if found > spec["count"]:
            raise Problem(
                f"dataset {spec['dataset']}: more images than workflow/resources/datasets.csv says ({found - 1})."
            )
        yield picture
    counted(found, spec["count"], f"dataset {spec['dataset']}")


def split_by_shares(labels: np.ndarray, shares: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """A split name per image, each class divided in the ratio of ``shares``; one share is all of it."""
    names = np.empty(len(labels), dtype=object)
    bounds = np.cumsum(list(shares.values()))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        place = (np.arange(len(members)) + 0.5) / len(members) * bounds[-1]
        names[members] = np.array(list(shares), dtype=object)[np.searchsorted(bounds, place)]
    return names


def numbered(frame: pd.DataFrame, spec: Spec, rng: np.random.Generator) -> pd.DataFrame:
    """The index: ``frame`` (split, label, source, ..., sha256), numbered, its splits by shares if the table has any.

    Raises Problem when no image is of the split ``test``, whose images are those that are scored.
    """
    if spec["splits"]:
        frame = frame.assign(split=split_by_shares(frame["label"].to_numpy(), spec["splits"], rng))
    if "test" not in set(frame["split"]):
        raise Problem(
            f"dataset {spec['dataset']}: none of its images is of the split 'test'. Its source does not say which are: "
            "give it shares in workflow/resources/datasets.csv, column 'splits', for an out-of-distribution set "
            '{"test": 1}.'
        )
    frame.insert(0, "image", np.arange(len(frame)))
    return frame


def identified(index: pd.DataFrame, spec: Spec, from_files: bool) -> dict:
    """The card's facts. Raises Problem when the digest over those of all images is not the table's."""
    digest = hashlib.sha256("".join(index["sha256"]).encode()).hexdigest()
    if spec["sha256"] and digest != spec["sha256"]:
        remedy = f" Was another version of {spec['source']}'s package installed? 'make setup' mends that."
        raise Problem(
            f"dataset {spec['dataset']}: the images have digest {digest}, workflow/resources/datasets.csv says "
            f"{spec['sha256']}.{'' if from_files else remedy}"
        )
    return {
        **spec,
        "sha256": digest,
        "classes": int(index["label"].max()) + 1,
        "splits": index["split"].value_counts().sort_index().to_dict(),
        "sources": index["source"].str.split("[", regex=False).str[0].value_counts().sort_index().to_dict(),
        "duplicates": int(index["sha256"].duplicated().sum()),
    }
