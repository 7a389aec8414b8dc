"""A dataset of pictures of any size, ready for use: the encoded files in one tar, an index, a card, a contact sheet.

One file, because thousands of small ones are a burden on the file systems of clusters; an uncompressed tar, because the
index says at which byte each picture begins, and any ``tar`` opens it.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from ood.data.archives import header, picture
from ood.data.conversions import resize
from ood.data.identity import exactly, identified, numbered
from ood.data.pixels import SHEET, contact_sheet
from ood.datasets import Encoded, reader
from ood.progress import human, log
from ood.step import Inputs, Output, Spec, run

SHOWN = 64  # side of a picture on the contact sheet, pixels


def _copied(pictures: Iterable[Encoded], images: Path, spec: Spec) -> pd.DataFrame:
    """Write the tar, in the order in which the pictures come, and the index of it, in the order of their sources.

    Only the pictures' headers are read here: decoding them all would take as long as the first use, which does it.
    """
    rows = []
    with images.open("wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
        for found in exactly(pictures, spec):
            header(found.packed, found.source)
            entry, length = tarfile.TarInfo(found.member), len(found.packed)
            entry.size = length
            tar.addfile(entry, io.BytesIO(found.packed))
            offset = file.tell() - -(-length // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE  # tar fills up its last block
            digest = hashlib.sha256(found.packed).hexdigest()
            rows.append((found.split, found.label, found.source, offset, length, digest))
    frame = pd.DataFrame(rows, columns=["split", "label", "source", "offset", "length", "sha256"])
    return frame.sort_values("source", ignore_index=True)


def _sheet(images: Path, frame: pd.DataFrame) -> Image.Image:
    """The contact sheet that all pictures would give, from the few that are on it."""
    shown = []
    with images.open("rb") as file:
        chosen = np.linspace(0, len(frame) - 1, SHEET[0] * SHEET[1]).round().astype(int)
        for row in frame.iloc[chosen].itertuples():
            file.seek(row.offset)
            pixels = np.asarray(picture(file.read(row.length), row.source))
            shown.append(resize(pixels, SHOWN, 3, np.random.default_rng(0))[0])
    return contact_sheet(np.stack(shown))


def pack(files: Inputs, images: Output, index: Output, card: Output, sheet: Output, spec: Spec) -> None:
    """Make the dataset of one row of workflow/resources/datasets.csv that has no size.

    files: the archives it is made of, checked. images: tar of the encoded pictures, unchanged. index: parquet, one row
    per picture in the order of their sources: image, split, label, source, offset and length of its bytes in the tar,
    sha256 of them. card: JSON, what the set is. sheet: PNG. Raises Problem when the count or the digest is not the
    table's, and for a file that does not begin as a picture.
    """
    rng = np.random.default_rng(spec["seed"])
    pictures = reader(spec["source"], "encoded")(files, spec["count"], rng, **spec["options"])
    frame = numbered(_copied(pictures, images, spec), spec, rng)
    facts = identified(frame, spec, from_files=bool(files))
    frame.to_parquet(index, index=False)
    _sheet(images, frame).save(sheet, format="png")
    size = int(frame["length"].sum())
    card.write_text(json.dumps({**facts, "bytes": size}, indent=1) + "\n")
    log.info("%s: %d pictures, %s, %s", spec["dataset"], len(frame), human(size), facts["splits"])


if __name__ == "__main__":
    run(pack, roots=lambda arguments: (f"ood.datasets.{arguments['spec']['source']}",))
