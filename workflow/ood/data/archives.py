"""Pictures inside tar and zip archives, read where they lie: nothing is ever written to a disk.

Names that point outside, links and devices are refused although nothing is extracted: an archive that holds one is not
what it is taken for. Sizes are bounded, so that a few bytes cannot unpack to a full memory.
"""

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
from PIL import Image

from ood.errors import Problem

LARGEST_MEMBER = 1 << 30  # bytes; the largest that are read here are ImageNet's classes, tars of up to some 200 MB
LARGEST_RATIO = 100  # unpacked to packed; pictures hardly shrink, MNIST's digits by a factor of 5
ALWAYS_ALLOWED = 1 << 26  # bytes that any archive may unpack to
# What the sources hold, SUN all but WebP under names in .jpg. Not all that Pillow has: for EPS it runs Ghostscript.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
ENCRYPTED = 1  # among a zip member's flags
ZIP = b"PK\3\4"  # at the start; zipfile.is_zipfile looks at the end, where a tar may have a zip as its last member

REMEDY = "Delete it and fetch it again; if that does not help, the origin has changed."
BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError)


def _checked(archive: Path, name: str, is_link: bool, is_plain: bool, size: int) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise Problem(f"{archive}: the member '{name}' points outside of the archive. {REMEDY}")
    if is_link:
        raise Problem(f"{archive}: the member '{name}' is a link, which no set of pictures needs. {REMEDY}")
    if not is_plain:
        raise Problem(f"{archive}: the member '{name}' is neither a file nor a folder. {REMEDY}")
    if size > LARGEST_MEMBER:
        raise Problem(
            f"{archive}: the member '{name}' unpacks to {size:,} bytes, more than {LARGEST_MEMBER:,}. {REMEDY}"
        )


def _tar_members(archive: Path, file: BinaryIO) -> Iterator[tuple[str, int, object]]:
    with tarfile.open(fileobj=file) as tar:
        for member in tar:
            _checked(
                archive, member.name, member.issym() or member.islnk(), member.isfile() or member.isdir(), member.size
            )
            if member.isfile():
                yield member.name, member.size, lambda member=member: tar.extractfile(member)
        while tar.fileobj.read(1 << 20):  # to the end, where gzip keeps its checksum
            pass


def _zip_members(archive: Path, file: BinaryIO) -> Iterator[tuple[str, int, object]]:
    with zipfile.ZipFile(file) as packed:
        for member in packed.infolist():
            is_link = (member.external_attr >> 16) & 0o170000 == 0o120000
            _checked(archive, member.filename, is_link, True, member.file_size)
            if member.flag_bits & ENCRYPTED:
                raise Problem(f"{archive}: the member '{member.filename}' is encrypted. {REMEDY}")
            if not member.is_dir():
                yield member.filename, member.file_size, lambda member=member: packed.open(member)


def walk(archive: Path, folders: list[str], inner: bytes | None = None) -> Iterator[tuple[str, bytes]]:
    """Name below its folder, and content, of the files in any of ``folders`` of a tar (packed or not) or zip.

    In the order of the archive, one at a time in memory. ``inner`` is the archive itself where it lies in another one,
    and ``archive`` then what it is called. Names that start with a dot, such as the ``.directory`` files of DTD, are
    left out. Raises Problem for an archive that is damaged, unsafe or unpacks to too much.
    """
    try:
        with archive.open("rb") if inner is None else io.BytesIO(inner) as file:
            left = ALWAYS_ALLOWED + LARGEST_RATIO * file.seek(0, io.SEEK_END)
            file.seek(0)
            listed = _zip_members if file.read(len(ZIP)) == ZIP else _tar_members
            file.seek(0)
            for name, size, opened in listed(archive, file):
                left -= size
                if left < 0:
                    raise Problem(f"{archive} unpacks to more than {LARGEST_RATIO} times its size. {REMEDY}")
                path = PurePosixPath(name)
                folder = next((PurePosixPath(folder) for folder in folders if path.is_relative_to(folder)), None)
                if folder is None or any(part.startswith(".") for part in path.parts if part != "."):
                    continue
                with opened() as member:
                    yield str(path.relative_to(folder)), member.read(LARGEST_MEMBER)
    except BROKEN as error:
        raise Problem(f"{archive} is damaged or no archive: {error}. {REMEDY}") from None


def members(archive: Path, folders: list[str]) -> dict[str, bytes]:
    """All that ``walk`` yields by name, sorted."""
    return dict(sorted(walk(archive, folders)))


@contextmanager
def _decoding(place: str) -> Iterator[None]:
    try:
        yield
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Problem(f"{place} is no picture: {error}. {REMEDY}") from None


def header(packed: bytes, place: str) -> Image.Image:
    """A picture of which no pixel is decoded yet. Raises Problem naming ``place`` for what does not begin as one."""
    with _decoding(place):
        return Image.open(io.BytesIO(packed), formats=FORMATS)


def picture(packed: bytes, place: str) -> Image.Image:
    """A decoded picture, grey (mode L) if it is stored so and RGB otherwise. Raises Problem naming ``place``."""
    image = header(packed, place)
    with _decoding(place):
        image.load()
    return image if image.mode == "L" else image.convert("RGB")


def strips(archive: Path) -> np.ndarray:
    """The images of a tar of lossless pictures, each a column of 32x32 images: uint8 (N, 32, 32, 3), in name order."""
    columns = members(archive, ["."]).items()
    return np.concatenate(
        [
            np.asarray(picture(packed, f"{archive}[{name}]").convert("RGB")).reshape(-1, 32, 32, 3)
            for name, packed in columns
        ]
    )
