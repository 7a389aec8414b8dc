"""The libraries that jobs ran with, beside those of the lock that their records name.

A record holds the lock's digest and the versions that its job saw. They differ where an environment was not made from
the lock: on a GPU machine that brings a torch of its own, for instance.
"""

from collections.abc import Iterator
from contextlib import suppress
from functools import cache

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from ood import ledger
from ood.closure import LOCK
from ood.records import Record, Records


def locked(digest: str, python: str) -> dict[str, SpecifierSet]:
    """What the lock asks of each library under this Python; of a lock that is not the one at hand nothing is known."""
    at_hand = LOCK.is_file() and ledger.sha256(LOCK) == digest
    return _asked(LOCK.read_text(), python) if at_hand and _version(python) else {}


@cache
def _asked(lock: str, python: str) -> dict[str, SpecifierSet]:
    asked = [Requirement(line.removesuffix("\\").strip()) for line in lock.splitlines() if line[:1].isalnum()]
    here = (one for one in asked if one.marker is None or one.marker.evaluate({"python_full_version": python}))
    return {one.name: one.specifier for one in here}


def _version(text: str) -> Version | None:
    with suppress(InvalidVersion):  # a record may come from anyone
        return Version(text)


def libraries(record: Record) -> Iterator[tuple[str, str, str]]:
    """Of each library: its name, its version, and what the lock asks where that is another (``==2.13.0``)."""
    asked = locked(record.lock, record.versions.get("python", ""))
    for name, version in record.versions.items():
        found, wanted = _version(version), asked.get(name, SpecifierSet())
        yield name, version, "" if found and wanted.contains(found, prereleases=True) else str(wanted)


def said(record: Record) -> str:
    """In words, those of another version than the lock's marked."""
    return ", ".join(
        f"{name} {version}{f' (the lock has {name}{wanted})' if wanted else ''}"
        for name, version, wanted in libraries(record)
    )


def unlocked(records: Records) -> list[str]:
    """The outputs whose jobs had a library in another version than the lock that they name."""
    return [output for output, record in records.items() if any(wanted for *_, wanted in libraries(record))]
