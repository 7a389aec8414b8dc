"""Whether a job would get what it got when it made what is there: by its record."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ood import ledger
from ood.errors import Problem

WAITED_FOR = "accepted.json"  # the admission of a checkpoint: a score's job waits for it, and does not read it


def rewired(read: Iterable[str], given: Iterable[str]) -> Iterator[str]:
    """The inputs that a job read then and would not be given now, and the other way round."""
    yield from (f"input without {path}" for path in sorted(set(read) - set(given)))
    yield from (f"input with {path}" for path in sorted(set(given) - set(read)) if not path.endswith(WAITED_FOR))


def otherwise(record: dict[str, Any], given: list[str]) -> Iterator[str]:
    """Which inputs a job would be given now and was not, and the other way round, and which have other bytes since."""
    yield from rewired([read["path"] for read in record["inputs"]], given)
    yield from (read["path"] for read in record["inputs"] if _digest(Path(read["path"])) not in (None, read["sha256"]))


def _digest(path: Path) -> str | None:
    """sha256 of an input, of a generated one as its record says; None where there is none."""
    if path.parts[0] != ledger.RESULTS:
        return ledger.sha256(path) if path.is_file() else None
    with contextlib.suppress(Problem):
        return ledger.read(path)["output"]["sha256"]
