"""A dataset, ready for use: uint8 images in a fixed order, an index with a digest per image, and a card."""

import hashlib
import importlib
import json

import numpy as np
import pandas as pd
from PIL import Image

from ood.datasets import Picture
from ood.errors import Problem
from ood.progress import log
from ood.step import Output, Spec, run


def to_size(picture: Picture, size: int) -> np.ndarray:
    """Pixels (H, W) to (size, size), each new pixel the mean of the area it covers (PIL's box filter)."""
    if picture.pixels.shape == (size, size):
        return picture.pixels
    return np.asarray(Image.fromarray(picture.pixels).resize((size, size), Image.Resampling.BOX))


def splits(labels: np.ndarray, shares: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """A split name per image, each class divided in the ratio of ``shares``; one share is all of it."""
    names = np.empty(len(labels), dtype=object)
    bounds = np.cumsum(list(shares.values()))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        place = (np.arange(len(members)) + 0.5) / len(members) * bounds[-1]
        names[members] = np.array(list(shares), dtype=object)[np.searchsorted(bounds, place)]
    return names


def prepare(images: Output, index: Output, card: Output, spec: Spec) -> None:
    """Make the dataset of one row of resources/datasets.csv.

    images: npy, uint8 (N, size, size, 1). index: parquet, one row per image: image, split, label, source, box,
    sha256 of its bytes. card: JSON, what the set is. Raises Problem when the count or the digest is not the table's.
    """
    rng = np.random.default_rng(spec["seed"])
    source = importlib.import_module(f"ood.datasets.{spec['source']}")
    pictures = list(source.pictures(spec["count"], rng, **spec["options"]))
    if len(pictures) != spec["count"]:
        raise Problem(
            f"dataset {spec['dataset']}: {len(pictures)} images, resources/datasets.csv says {spec['count']}."
        )
    array = np.stack([to_size(picture, spec["size"]) for picture in pictures])[..., np.newaxis]
    labels = np.array([picture.label for picture in pictures])
    frame = pd.DataFrame(
        {
            "image": np.arange(len(array)),
            "split": splits(labels, spec["splits"], rng),
            "label": labels,
            "source": [picture.source for picture in pictures],
            "box": [list(picture.box) for picture in pictures],
            "sha256": [hashlib.sha256(image.tobytes()).hexdigest() for image in array],
        }
    )
    digest = hashlib.sha256("".join(frame["sha256"]).encode()).hexdigest()
    if spec["sha256"] and digest != spec["sha256"]:
        raise Problem(
            f"dataset {spec['dataset']}: the images have digest {digest}, resources/datasets.csv says "
            f"{spec['sha256']}. Was another version of {spec['source']}'s package installed? 'make setup' mends that."
        )
    np.save(images, array)
    frame.to_parquet(index, index=False)
    facts = {
        **spec,
        "sha256": digest,
        "classes": int(labels.max()) + 1,
        "splits": frame["split"].value_counts().sort_index().to_dict(),
        "sources": frame["source"].str.split("[", regex=False).str[0].value_counts().sort_index().to_dict(),
        "duplicates": int(frame["sha256"].duplicated().sum()),
        "mean": float(array.mean() / 255),
        "std": float(array.std() / 255),
    }
    card.write_text(json.dumps(facts, indent=1) + "\n")
    log.info("%s: %d images, %s", spec["dataset"], len(array), facts["splits"])


if __name__ == "__main__":
    run(prepare, roots=lambda arguments: (f"ood.datasets.{arguments['spec']['source']}",))
