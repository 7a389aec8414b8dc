"""A dataset of one size, ready for use: uint8 images in a fixed order, an index with their digests, a card, a sheet."""

import hashlib
import json
from collections.abc import Iterable

import numpy as np
import pandas as pd

from ood.data.conversions import converter
from ood.data.identity import exactly, identified, numbered
from ood.data.pixels import contact_sheet, moments
from ood.datasets import Picture, reader
from ood.progress import log
from ood.step import Inputs, Output, Spec, run


def _converted(pictures: Iterable[Picture], spec: Spec) -> tuple[np.ndarray, list[Picture]]:
    """All images at their size, and the pictures without pixels, their boxes narrowed to what the rule took.

    Each image has its own random numbers, from the dataset's seed and its place.
    """
    convert, size, channels = converter(spec["rule"], spec["mean"]), spec["size"], spec["channels"]
    images = np.empty((spec["count"], size, size, channels), np.uint8)
    kept = []
    for place, picture in enumerate(exactly(pictures, spec)):
        rng = np.random.default_rng([spec["seed"], place])
        images[place], (left, top, width, height) = convert(picture.pixels, size, channels, rng)
        kept.append(picture._replace(pixels=None, box=(picture.box[0] + left, picture.box[1] + top, width, height)))
    return images, kept


def prepare(files: Inputs, images: Output, index: Output, card: Output, sheet: Output, spec: Spec) -> None:
    """Make the dataset of one row of workflow/resources/datasets.csv.

    files: the archives it is made of, checked. images: npy, uint8 (N, size, size, channels). index: parquet, one row
    per image: image, split, label, source, box, sha256 of its bytes. card: JSON, what the set is. sheet: PNG. Raises
    Problem when the count or the digest is not the table's.
    """
    rng = np.random.default_rng(spec["seed"])
    pictures = reader(spec["source"], "pictures")(files, spec["count"], rng, **spec["options"])
    array, kept = _converted(pictures, spec)
    found = {
        "split": [picture.split for picture in kept],
        "label": [picture.label for picture in kept],
        "source": [picture.source for picture in kept],
        "box": [list(picture.box) for picture in kept],
        "sha256": [hashlib.sha256(image.tobytes()).hexdigest() for image in array],
    }
    frame = numbered(pd.DataFrame(found), spec, rng)
    facts = identified(frame, spec, from_files=bool(files))
    np.save(images, array)
    frame.to_parquet(index, index=False)
    contact_sheet(array).save(sheet, format="png")
    mean, std = moments(array)
    card.write_text(json.dumps({**facts, "pixels": {"mean": mean, "std": std}}, indent=1) + "\n")
    log.info("%s: %d images, %s", spec["dataset"], len(array), facts["splits"])


if __name__ == "__main__":
    run(prepare, roots=lambda arguments: (f"ood.datasets.{arguments['spec']['source']}",))
