"""Pictures in the folders of a tar or zip archive: Textures, Places, TinyImageNet, the crops of ODIN, ...

All of them, or a random choice without replacement, the same whether they are asked for as pixels or as they are.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ood.data.archives import picture, walk
from ood.datasets import Encoded, Picture, counted, whole
from ood.errors import Problem


def _chosen(
    names: set[str], count: int, of: int, rng: np.random.Generator, archive: Path, folders: list[str]
) -> list[str]:
    if not names:
        raise Problem(
            f"{archive} holds nothing in {' or '.join(folders)}. Give the folders of its pictures, from the top of the "
            "archive on, in workflow/resources/datasets.csv, column 'options'."
        )
    counted(len(names), of, archive)
    ordered = sorted(names)
    return [ordered[place] for place in sorted(rng.choice(of, count, replace=False))] if count < of else ordered


def _wanted(archive: Path, count: int, rng: np.random.Generator, folders: list[str], of: int) -> list[str]:
    """The names of ``count`` of the ``of`` pictures, sorted. Raises Problem when there are not ``of``."""
    return _chosen({name for name, _ in walk(archive, folders)}, count, of, rng, archive, folders)


def pictures(files: list[Path], count: int, rng: np.random.Generator, folders: list[str], of: int) -> Iterator[Picture]:
    """``count`` of the ``of`` pictures below any of ``folders``, in the order of their names; no others in memory.

    Raises Problem when there are not ``of``, or when one is damaged.
    """
    (archive,) = files
    wanted = dict.fromkeys(_wanted(archive, count, rng, folders, of), b"")
    wanted |= ((name, packed) for name, packed in walk(archive, folders) if name in wanted)
    for name, packed in wanted.items():
        where = f"{archive.name}[{name}]"
        yield whole(np.asarray(picture(packed, where)), -1, where)


def encoded(files: list[Path], count: int, rng: np.random.Generator, folders: list[str], of: int) -> Iterator[Encoded]:
    """The same ``count`` pictures as files, in the archive's order, one at a time in memory. Raises likewise."""
    (archive,) = files
    wanted = set(_wanted(archive, count, rng, folders, of))
    for name, packed in walk(archive, folders):
        if name in wanted:
            yield Encoded(packed, -1, archive.name, name)
