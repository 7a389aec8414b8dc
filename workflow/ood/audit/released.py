"""Runs that are kept: crates (ood.audit.crate) in results/released, each verified before it enters and at every audit.

Wherever a run was made, it enters with its records or not at all. Of a crate only ``results/`` is unpacked: what is run
to verify it is this project's own code, its notebooks included, never what came with the crate. That code may be newer
than the run; then the numbers must still be the same. The code in the crate must be what its records say, so must the
claims and the printed numbers; every file what the crate's metadata say, every number there what the tables say.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import chdir
from pathlib import Path

from ood.audit import chain
from ood.audit.crate import CELL, MEMORY, SPEC, Entity, cells, held, sources
from ood.audit.findings import Finding, Level, short
from ood.audit.run import editions
from ood.closure import PACKAGE
from ood.data.archives import walk
from ood.errors import Problem
from ood.ledger import RESULTS
from ood.records import CRATE, Records, left_out, packed

RELEASED = Path(RESULTS, "released")
NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def runs() -> Iterator[Path]:
    """The crates that are kept, by name."""
    yield from sorted(RELEASED.glob("*.zip"))


def unpack(file: Path, folder: Path) -> dict[str, str]:
    """Put the results of a crate beside this project's own files; the digests of all its files, by name.

    Raises Problem if it is not a crate of a run.
    """
    digests = {}
    for name, content in walk(file, ["."]):
        if name == str(CRATE) or name.startswith(f"{RESULTS}/"):
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        digests[name] = hashlib.sha256(content).hexdigest()
    if str(CRATE) not in digests:
        raise Problem(f"{file} has no {CRATE}: it is not a crate of a run. make export writes one.")
    for source in sources():
        place = folder / source
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, place)
    return digests


def described(folder: Path, digests: dict[str, str]) -> Iterator[Finding]:
    """Files that an unpacked crate lacks, or has with other bytes, by its metadata."""
    for path, digest in packed(folder).items():
        if path not in digests:
            yield Finding(path, "is not in the crate, though its metadata name it")
        elif digests[path] != digest:
            yield Finding(path, "is not what the crate's metadata say: sha256", short(digest), short(digests[path]))


def _said(entities: Iterable[Entity]) -> dict[str, str]:
    """What the numbers among a crate's entities say, by id; one that is there twice says both."""
    found: dict[str, list[str]] = {}
    for entity in entities:
        kind, identifier = entity.get("@type", ""), entity["@id"]
        if identifier.startswith(CELL) or ("PropertyValue" in kind and not identifier.startswith((SPEC, MEMORY))):
            said = (entity.get(key) for key in ("name", "value", "description"))
            found.setdefault(identifier, []).append("; ".join(str(part) for part in said if part is not None))
    return {identifier: " | ".join(said) for identifier, said in found.items()}


def printed(folder: Path) -> Level:
    """Are the numbers in an unpacked crate's metadata those of its tables? Raises Problem if it has no tables."""
    with chdir(folder):
        right = _said(cell for edition in editions() for cell in cells(edition))
    found = _said(json.loads((folder / CRATE).read_text())["@graph"])
    findings = [
        Finding(str(CRATE), f"{cell} is not as in the tables", right.get(cell, "none"), found.get(cell, "none"))
        for cell in sorted(right.keys() | found.keys())
        if right.get(cell) != found.get(cell)
    ]
    return Level("crate", f"{len(right):,} numbers in its metadata", findings)


def code(file: Path, folder: Path) -> Level:
    """Unpack a crate: is it what its metadata say, and the project's files in it those that its records were made with?

    Raises Problem if it is not a crate of a run, or has no record.
    """
    digests = unpack(file, folder)
    with chdir(folder):
        records = Records.load()
    if not (records or records.broken):
        raise Problem(
            f"{file} has no record, so the origin of its results is unknown. make export writes one that has."
        )
    own = {path: digest for path, digest in digests.items() if not path.startswith((f"{RESULTS}/", str(CRATE)))}
    findings = [*described(folder, digests), *chain.sources(records, own), *chain.own_inputs(records, own)]
    return Level("code", f"{len(own):,} files of the crate's project", findings)


def verify(file: Path) -> tuple[bool, str]:
    """Whether a crate's run is as its records say, and what is said of it: what it holds, then level by level.

    Raises Problem if it is not a crate of a run, or has no record.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = code(file, Path(folder))
        absent = left_out(Path(folder))
        said = f"content {held(absent)}: {len(absent)} files by their digests only\n{own}\n"
        if own.findings:
            return False, said
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent.resolve())}
        for level in "ab":
            command = [sys.executable, "-m", "ood.audit", "verify", "--levels", level, "--elsewhere"]
            answer = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
            said += answer.stdout
            if answer.returncode:
                return False, said
        numbers = printed(Path(folder))
    return not numbers.findings, f"{said}{numbers}\n"


def release(file: Path, name: str) -> tuple[Path, str]:
    """Keep a crate under a name, and what was said of it: of its copy, so that what is kept is what was verified.

    Raises Problem for a name that no file can have, or that is taken; for a file that is not a crate, or not as its
    records say.
    """
    if not NAMES.fullmatch(name):
        raise Problem(f"NAME '{name}' cannot name a file. Use letters, digits, '.', '_' and '-', as in NAME=digits-2.")
    kept = RELEASED / f"{name}.zip"
    if kept.exists():
        raise Problem(f"{kept} exists. Give the new one another name, for instance with its date.")
    if not file.is_file():
        raise Problem(f"FROM '{file}' is not a file. make export writes one.")
    Path(RESULTS).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".released.", dir=RESULTS) as folder:
        draft = Path(shutil.copyfile(file, Path(folder, file.name)))
        try:
            right, said = verify(draft)
        except Problem as problem:
            raise Problem(f"{file} is not kept: {problem}") from None
        if not right:
            raise Problem(f"{file} is not kept, because it is not as its records say:\n{said}")
        RELEASED.mkdir(exist_ok=True)
        draft.replace(kept)
    return kept, f"{file}, {said}"
