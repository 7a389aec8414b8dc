"""Pictures in the folders of a tar or zip archive: Textures, Places, TinyImageNet, the crops of ODIN, ...

All of them, or a random choice without replacement, the same whether they are asked for as pixels or as they are.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ood.data.archives import members, picture, walk
from ood.datasets import Encoded, Picture, counted, whole
from ood.errors import Problem


def _chosen(
    names: set[str], count: int, of: int, rng: np.random.Generator, archive: Path, folders: list[str]
) -> list[str]:
    if not names:
        raise Problem(
            f"{archive} holds nothing in {' or '.join(folders)}. Give the folders of its pictures, from the top of the "
            "archive on, in resources/datasets.csv, column 'options'."
        )
    counted(len(names), of, archive)
    ordered = sorted(names)
    return [ordered[place] for place in sorted(rng.choice(of, count, replace=False))] if count < of else ordered


def pictures(files: list[Path], count: int, rng: np.random.Generator, folders: list[str], of: int) -> Iterator[Picture]:
    """``count`` of the ``of`` pictures below any of ``folders``, in the order of their names.

    Raises Problem when there are not ``of``, or when one is damaged.
    """
    (archive,) = files
    found = members(archive, folders)
    for name in _chosen(set(found), count, of, rng, archive, folders):
        where = f"{archive.name}[{name}]"
        yield whole(np.asarray(picture(found[name], where)), -1, where)


def encoded(files: list[Path], count: int, rng: np.random.Generator, folders: list[str], of: int) -> Iterator[Encoded]:
    """The same ``count`` pictures as files, in the archive's order, one at a time in memory. Raises likewise."""
    (archive,) = files
    names = {name for name, _ in walk(archive, folders)}
    wanted = set(_chosen(names, count, of, rng, archive, folders))
    for name, packed in walk(archive, folders):
        if name in wanted:
            yield Encoded(packed, -1, archive.name, name)
