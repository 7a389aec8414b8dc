"""A row of resources/files.csv, and one of resources/datasets.csv: their columns, and what may stand in them.

A file is what is downloaded (or lies in a mirror), a dataset is what is made of files: a source format, a rule that
brings every picture to its size or keeps it as it is, a fixed order. Datasets without files come with the project's
dependencies.
"""

import json
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from ood.data.conversions import KEEPS_CONSTANTS, ORIGINAL

TEX = "\\&%$#_{}~^"  # what LaTeX reads as its own


def _plain(title: str) -> str:
    if signs := sorted(set(title) & set(TEX)):
        raise ValueError(f"LaTeX does not print {' '.join(signs)} as it stands. Write the title without")
    return title


Title = Annotated[str, AfterValidator(_plain)]
Words = Annotated[list[str], BeforeValidator(str.split)]
Json = BeforeValidator(json.loads)
Optional = BeforeValidator(lambda text: None if text == "" else text)


class File(BaseModel):
    """A file to obtain: its ``urls`` in the order they are tried; none means that it must come from a mirror.

    ``file`` is its path in a mirror and under results/archives, of characters that a shell takes as they are.
    ``digest`` is ``md5:`` or ``sha256:`` and the published hex digits, or the first 8 of them where only those are
    published; empty where none is. ``items``: images in it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(pattern=r"^[A-Za-z0-9._/-]+$")
    dataset: str
    version: str
    urls: Words
    digest: str = Field(pattern=r"^(|md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}|sha256:[0-9a-f]{8})$")
    bytes: Annotated[int | None, Optional]
    items: Annotated[int | None, Optional]
    licence: str
    papers: Words
    note: str

    @field_validator("file")
    @classmethod
    def _inside(cls, name: str) -> str:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or str(path) != name:
            raise ValueError("a relative path without '..' is expected")
        return name

    @field_validator("urls")
    @classmethod
    def _schemes(cls, urls: list[str]) -> list[str]:
        for url in urls:
            if not is_url(url):
                raise ValueError(f"{url} is neither https nor http")
        return urls


class Dataset(BaseModel):
    """What a prepared set is made of.

    ``files`` are alternatives, each a list of names of files.csv; all give the same images. ``rule`` is a function of
    ood.data.conversions, or ``original`` where ``size`` is empty: then the set is packed, its pictures stay the encoded
    files that they are, of any size, and a network's own preprocessing makes its input. ``splits`` are shares, or
    empty when the source says which split an image is of. ``mean`` and ``std``, by channel, are the constants that the
    field normalises with; empty means those of the training split. ``sha256`` is over the per-image digests, empty
    while unknown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str = Field(pattern=r"^[a-z0-9_]+$")
    title: Title
    kind: Literal["in-distribution", "near", "far"]
    source: str
    options: Annotated[dict[str, Any], Json]
    files: list[list[str]]
    rule: str
    size: Annotated[Annotated[int, Field(gt=0)] | None, Optional]
    channels: Annotated[Literal[1, 3], BeforeValidator(int)]
    count: int = Field(gt=0)
    splits: Annotated[dict[str, float], Json]
    seed: int = Field(ge=0)
    mean: Annotated[list[float], BeforeValidator(str.split)]
    std: Annotated[list[float], BeforeValidator(str.split)]
    sha256: str = Field(pattern=r"^([0-9a-f]{64})?$")
    licence: str
    description: str

    @field_validator("files", mode="before")
    @classmethod
    def _alternatives(cls, text: str) -> Any:
        return [names.split() for names in text.split("|") if names.strip()]

    @field_validator("splits")
    @classmethod
    def _shares(cls, splits: dict[str, float]) -> dict[str, float]:
        if splits and ("test" not in splits or min(splits.values()) <= 0):
            raise ValueError("shares above 0 are expected, one of them for 'test'")
        return splits

    @model_validator(mode="after")
    def _constants(self) -> "Dataset":
        if {len(self.mean), len(self.std)} not in ({0}, {self.channels}):
            raise ValueError("mean and std: one number per channel each, or none")
        if self.packed != (self.rule == ORIGINAL) or (self.packed and self.channels != 3):
            raise ValueError(f"an empty size goes with the rule '{ORIGINAL}' and 3 channels, and with no other")
        if self.rule in KEEPS_CONSTANTS and not self.mean:
            raise ValueError(f"mean and std are expected for the rule '{self.rule}', which keeps them")
        return self

    @property
    def packed(self) -> bool:
        """Whether its images stay encoded pictures of any size (ood.data.pack), instead of an array
        (ood.data.prepare)."""
        return self.size is None

    @property
    def normalisation(self) -> tuple[list[float], list[float]] | None:
        """(mean, std) by channel, if the table has them."""
        return (self.mean, self.std) if self.mean else None

    @property
    def own_normalisation(self) -> tuple[list[float], list[float]] | None:
        """(mean, std) by channel with which its images go into any network, if its conversion says so; else None."""
        return self.normalisation if self.rule in KEEPS_CONSTANTS else None

    @property
    def shape(self) -> str:
        """What its images are, in words."""
        return "encoded pictures" if self.packed else f"images of {self.size}x{self.size}x{self.channels}"

    def needs(self, *present: set[str]) -> list[str]:
        """The names of the files it is made of: the first alternative that lies in the first of these places, else in
        the next; when it is in none, the first.
        """
        complete = [names for place in present for names in self.files if place.issuperset(names)]
        return next(iter(complete or self.files), [])


def is_url(mirror: str) -> bool:
    """A mirror is a URL or a folder."""
    return mirror.startswith(("https://", "http://"))
