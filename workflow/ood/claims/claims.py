"""The papers' claims as data: paper/claims.yaml, parsed and checked before anything runs.

``terms`` are what is compared: ``ours`` a detector and its variant, ``instead`` another where that is not run,
``printed`` for each table its method and variant, or the method alone where the table's variants are what numbers are
asked for (batches). ``groups`` name several terms, ``sets`` OOD sets and batches, with their names in print and in our
benchmarks. A claim ``holds`` as an expression (ood.claims.expressions), or is ``unchecked`` for a reason; a ``reading``
is ours, of a table, not a sentence of the paper. ``form_of`` names the claim whose sentence it is in another form, for
benchmarks that cannot judge that one; of forms the first is preferred.

``printed`` are the tables that a claim is checked on, each term in the first that has it; ``where`` restricts their
rows. ``singles`` names, for a table of averages over several networks, those with the cells that they are of.
``about`` names those of the papers' own benchmarks that the sentence is about: on a benchmark that reproduces or
resembles another, of which the paper may say the contrary, it is not judged, on all others it is: it might carry over.
``only`` names the only benchmarks that it is judged on; empty: on print alone.
"""

from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ood import detectors
from ood.claims.expressions import Expression, Number
from ood.claims.papers import PRINTED
from ood.errors import Problem, unknown
from ood.once import once

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Restricting = Literal["benchmark", "model", "method", "variant", "id_dataset", "ood_dataset"]  # columns of print
Variant = Annotated[list[str], Field(min_length=2, max_length=2)]  # of a detector


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Term(Strict):
    """What is compared. Without ``ours``, no detector here computes it; without ``printed``, no table has it."""

    ours: Variant | None = None
    instead: Variant | None = None
    printed: dict[str, Annotated[list[str], Field(min_length=1, max_length=2)]] = {}

    def chosen(self, run: Collection[str]) -> Variant | None:
        """Ours, or what stands in where its detector is not among those that were run; None if neither is."""
        return next((choice for choice in (self.ours, self.instead) if choice and choice[0] in run), None)


class Place(Strict):
    """An OOD set or a batch: its name in print, and those in our benchmarks, of which the first present counts."""

    printed: str
    ours: list[str]


class Claim(Strict):
    """A sentence of a paper, and how it is decided: an expression that must hold, or why it is ``unchecked``.

    ``reading``: stricter than the text, ours. ``form_of``: another form of that claim. ``printed``, ``where``: the
    tables, and what of them, that decide it in print. ``about``: the papers' benchmarks that it speaks of, ``only``:
    ours.
    """

    id: str = Field(pattern=r"^(GAIA|IGOE|RG)-[A-Z0-9-]+\.[0-9]+[a-z]?$")
    source: str = Field(min_length=1)
    claim: str = Field(min_length=1)
    holds: str | None = None
    unchecked: str | None = None
    reading: bool = False
    form_of: str | None = None
    printed: list[str] = []
    where: dict[Restricting, str] = {}
    about: list[str] | None = None
    only: list[str] | None = None

    @property
    def paper(self) -> str:
        return self.id.partition("-")[0]

    def concerns(self, benchmark: str, like: str | None) -> bool:
        """Whether it is judged on a benchmark, which may be ``like`` one of the papers' own."""
        elsewhere = self.about is not None and like is not None and like not in self.about
        return not elsewhere and (self.only is None or benchmark in self.only)

    @model_validator(mode="after")
    def _one_of(self) -> "Claim":
        if (self.holds is None) == (self.unchecked is None):
            raise ValueError("either holds (an expression) or unchecked (the reason) is expected, not both")
        return self


class Asked(NamedTuple):
    """What an expression asks for: every (metric, term, place), the place None for the average."""

    numbers: list[tuple[str, str, str | None]]
    sets: list[str]
    within: float = 0.0

    def number(self, metric: str, term: str, place: str | None) -> Number:
        self.numbers.append((metric, term, place))
        return Number(0.0)


class Document(Strict):
    """``within``: how near, in percentage points, one of our differences must be to the one that a paper states."""

    within: float = Field(gt=0)
    singles: dict[str, list[str]] = {}
    terms: dict[Name, Term]
    groups: dict[Name, list[str]]
    sets: dict[Name, Place]
    claims: list[Claim] = Field(min_length=1)

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """Every term and every group -> the terms it stands for. Groups may name groups above them."""
        found = {name: [name] for name in self.terms}
        for group, members in self.groups.items():
            if group in found:
                raise Problem(f"groups.{group}: a term has that name too. Choose another.")
            for member in members:
                if member not in found:
                    raise Problem(f"groups.{group}: {unknown('term or group', member, found)}")
            found[group] = list(dict.fromkeys(term for member in members for term in found[member]))
        return found

    def checked(self) -> Iterator[Claim]:
        return (claim for claim in self.claims if claim.holds is not None)

    def expression(self, claim: Claim) -> Expression:
        return Expression(claim.holds, self.names, self.sets)

    def asked(self, claim: Claim) -> list[tuple[str, str, str | None]]:
        """Every (metric, term, place) that a claim needs; ``sets`` counts as one place, named so."""
        asked = Asked([], ["sets"])
        self.expression(claim).judge(asked)
        return asked.numbers

    @cached_property
    def variants(self) -> dict[str, list[str]]:
        """Detector -> the variants of it that claims are about."""
        found: dict[str, list[str]] = {}
        for claim in self.checked():
            for metric, name, _ in self.asked(claim):
                for detector, variant in filter(None, (self.terms[name].ours, self.terms[name].instead)):
                    if metric != "ms" and variant not in found.setdefault(detector, []):
                        found[detector].append(variant)
        return found

    def check(self) -> None:
        """Raise Problem for names that lead nowhere, ids that are there twice, expressions outside of the language."""
        for name, term in self.terms.items():
            for key, given in (("ours", term.ours), ("instead", term.instead)):
                if given and given[0] not in detectors.names():
                    raise Problem(f"terms.{name}.{key}: {unknown('detector', given[0], detectors.names())}")
        _ = self.names  # a fault in the groups is no claim's
        ids = [claim.id for claim in self.claims]
        firsts = [claim.id for claim in self.checked() if claim.form_of is None]
        for claim in self.claims:
            if ids.count(claim.id) > 1:
                raise Problem(f"claim {claim.id} is there twice. Give one of them another id.")
            if claim.form_of is not None and claim.form_of not in firsts:
                raise Problem(f"claim {claim.id}, form_of: {unknown('claim', claim.form_of, firsts)}")
        for claim in self.checked():
            for name in claim.about or []:
                if name not in PRINTED:
                    raise Problem(f"claim {claim.id}, about: {unknown('printed benchmark', name, PRINTED)}")
            try:
                asked = self.asked(claim)
            except Problem as problem:
                raise Problem(f"claim {claim.id}, holds: {problem}") from None
            for _, term, _ in asked:
                if claim.printed and not set(claim.printed) & set(self.terms[term].printed):
                    raise Problem(
                        f"claim {claim.id}, printed: no term '{term}' in {', '.join(claim.printed)}. It is printed in "
                        f"{', '.join(self.terms[term].printed) or 'no table'} (terms.{term}.printed)."
                    )


def load(file: Path) -> Document:
    """The checked claims. Raises Problem, starting with the file and the key or the claim's id, for the first fault."""
    once(file)
    try:
        raw = yaml.safe_load(file.read_text())
        document = Document.model_validate(raw)
        document.check()
    except ValidationError as error:
        first = error.errors()[0]
        raise Problem(f"{file}: {_key(raw, first['loc'])}: {first['msg'][0].lower()}{first['msg'][1:]}.") from None
    except Problem as problem:
        raise Problem(f"{file}: {problem}") from None
    return document


def _key(raw: object, path: tuple) -> str:
    """A path of keys in words: a claim by its id where it has one."""
    if len(path) > 1 and path[0] == "claims":
        about = raw["claims"][path[1]]
        name = about.get("id", path[1] + 1) if isinstance(about, dict) else path[1] + 1
        return ", ".join([f"claim {name}", *(str(part) for part in path[2:] if part != "[key]")])
    return ".".join(map(str, path)) or "the document"
