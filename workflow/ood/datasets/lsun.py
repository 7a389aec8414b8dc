"""LSUN's test images (Yu et al., "LSUN: Construction of a Large-scale Image Dataset", 2015): pictures in an LMDB."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import lmdb
import numpy as np

from ood.data.archives import REMEDY, members, picture
from ood.datasets import Picture, counted, whole
from ood.errors import Problem


def pictures(files: list[Path], count: int, rng: np.random.Generator, folder: str) -> Iterator[Picture]:
    """All ``count`` test images, in the order of their keys. Raises Problem when there are more, fewer, or damaged."""
    (archive,) = files
    found = members(archive, [folder])
    if "data.mdb" not in found:
        raise Problem(f"{archive} has no {folder}/data.mdb. {REMEDY}")
    with tempfile.NamedTemporaryFile(suffix=".mdb") as database:
        database.write(found.pop("data.mdb"))
        database.flush()
        try:
            with lmdb.open(database.name, subdir=False, readonly=True, lock=False) as environment:
                counted(environment.stat()["entries"], count, archive)
                with environment.begin() as transaction:
                    for key, packed in transaction.cursor():
                        where = f"{archive.name}[{key.decode()}]"
                        yield whole(np.asarray(picture(packed, where)), -1, where)
        except lmdb.Error as error:
            raise Problem(f"{archive}: {folder}/data.mdb is damaged: {error}. {REMEDY}") from None
