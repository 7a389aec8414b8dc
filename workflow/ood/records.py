"""All records of a run, checked one by one, and the graph that they are."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ood import ledger
from ood.errors import Problem

# Under results/ what is not finished or only holds a place: drafts, states, begun downloads and locks.
HIDDEN = re.compile(r"results/\.")
# That, and what else no step makes.
UNRECORDED = re.compile(rf"{HIDDEN.pattern}|results/(logs/|benchmarks/|released/|editions/[^/]+/report\.html$)")

CRATE, LEFT_OUT = Path("ro-crate-metadata.json"), "hash://sha256/"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class File(Strict):
    """An input: the step's argument, sha256 and, where it was made by the workflow, the id of its record."""

    argument: str
    path: str
    sha256: str
    record: str | None = None


class Made(Strict):
    argument: str
    path: str
    sha256: str
    bytes: int


class Code(Strict):
    digest: str
    modules: dict[str, str]


class Record(Strict):
    """What ood.ledger writes; the first part determines the output, the second is circumstance."""

    id: str
    seal: str
    output: Made
    step: str
    spec: Any
    inputs: list[File]
    code: Code
    lock: str

    schema_: Literal[2] = Field(alias="schema")
    commit: str | None
    dirty: bool | None
    host: str
    cpu: str
    gpu: str | None
    slurm_job: str | None
    started: str
    seconds: float
    peak_memory_mb: int
    versions: dict[str, str]

    @property
    def job(self) -> str:
        """The same for all outputs of one job."""
        same = [self.step, self.spec, self.code.digest, [[given.path, given.sha256] for given in self.inputs]]
        return ledger.fingerprint(same)

    @property
    def name(self) -> str:
        """The step's own name, wherever in the package its module lay then."""
        return self.step.rpartition(".")[2]

    def given(self, path: str) -> File:
        """What one of the inputs was."""
        return next(file for file in self.inputs if file.path == path)

    def arguments(self) -> dict[str, list[str]]:
        """The inputs by argument of the step."""
        found: dict[str, list[str]] = {}
        for given in self.inputs:
            found.setdefault(given.argument, []).append(given.path)
        return found


def parsed(path: Path) -> tuple[dict[str, Any], Record]:
    """A record's file: as JSON has it, and checked. Raises Problem if it is not a record of today's schema."""
    try:
        raw = json.loads(path.read_text())
        return raw, Record.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise Problem(f"{'.'.join(map(str, first['loc'])) or 'record'}: {first['msg'].lower()}") from None
    except ValueError as error:
        raise Problem(f"not JSON: {error}") from None


def walk(linked: bool = True) -> list[Path]:
    """All files under results/, sorted, but those in its hidden folders, where jobs make and remove some meanwhile.

    Those in ``linked`` folders too: a part of the results may lie elsewhere.
    """
    found = []
    for folder, below, names in os.walk(ledger.RESULTS, followlinks=linked):
        if folder == ledger.RESULTS:
            below[:] = [name for name in below if not name.startswith(".")]
        found += [Path(folder, name) for name in names]
    return sorted(found)


def files() -> Iterator[Path]:
    """Everything under results/ that must have a record, sorted."""
    for path in walk():
        if path.is_file() and not path.name.endswith(ledger.SUFFIX) and not UNRECORDED.match(str(path)):
            yield path


def left_out(folder: Path = Path()) -> dict[str, str]:
    """Of an unpacked crate (ood.audit.crate) the files that it only names, with their digests. Raises Problem."""
    return {name: digest for identifier, name, digest in _described(folder) if identifier.startswith(LEFT_OUT)}


def packed(folder: Path = Path()) -> dict[str, str]:
    """The files that a crate's metadata say it has, with their digests where they have one. Raises Problem."""
    described = _described(folder)
    return {unquote(identifier): digest for identifier, _, digest in described if not identifier.startswith(LEFT_OUT)}


def _described(folder: Path) -> list[tuple[str, str, str]]:
    """Identifier, name and digest of what a crate's metadata have a digest of.

    Raises Problem for metadata that no crate of ours has.
    """
    crate = folder / CRATE
    try:
        entities = json.loads(crate.read_text())["@graph"] if crate.is_file() else []
        return [
            (entity["@id"], entity["name"], entity["sha256"])
            for entity in entities
            if entity["@id"].startswith(LEFT_OUT) or "sha256" in entity
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        said = f"{type(error).__name__}: {error}"
        raise Problem(f"{crate} is not the metadata of a crate of ours ({said}). Unpack the crate again.") from None


class Records(dict[str, Record]):
    """The record of every output by its path, ``raw`` as in JSON; ``broken``: files that are not records, and why."""

    def __init__(self, known: dict[str, Record], left_out: dict[str, str]):
        super().__init__(known)
        self.raw: dict[str, dict[str, Any]] = {}
        self.broken: dict[str, str] = {}
        self._digests: dict[str, str | None] = {}
        self.left_out = left_out

    @classmethod
    def load(cls) -> "Records":
        """All that lie under results/."""
        self = cls({}, left_out())
        for path in walk():
            output = str(path).removesuffix(ledger.SUFFIX)
            if output == str(path) or UNRECORDED.match(output):
                continue
            try:
                self.raw[output], self[output] = parsed(path)
            except Problem as problem:
                self.broken[str(path)] = str(problem)
        return self

    def digest(self, path: str) -> str | None:
        """sha256 of a file of today, read once; where a crate left it out, the crate's; None if there is none."""
        if path not in self._digests:
            self._digests[path] = ledger.sha256(Path(path)) if Path(path).is_file() else self.left_out.get(path)
        return self._digests[path]

    def lacking(self, output: str) -> list[str]:
        """What a file was made from and this crate left out."""
        inputs = (given.path for given in self[output].inputs)
        return [path for path in inputs if path in self.left_out and not Path(path).is_file()]

    def given(self, path: str) -> str:
        """The sha256 that a file had when something was made from it."""
        return self[self.consumers[path][0]].given(path).sha256

    def only(self, outputs: Iterable[str]) -> "Records":
        """Those of some outputs."""
        return Records({output: self[output] for output in outputs}, self.left_out)

    @cached_property
    def consumers(self) -> dict[str, list[str]]:
        """Of every file the outputs that were made from it."""
        found: dict[str, list[str]] = {}
        for output, record in self.items():
            for given in record.inputs:
                found.setdefault(given.path, []).append(output)
        return found

    @cached_property
    def jobs(self) -> dict[str, list[str]]:
        """The outputs of every job."""
        found: dict[str, list[str]] = {}
        for output, record in self.items():
            found.setdefault(record.job, []).append(output)
        return found

    def upstream(self, outputs: Iterable[str]) -> list[str]:
        """These outputs and all generated files that they rest on, each once, the nearest first."""
        found, queue = {}, list(outputs)
        for path in queue:
            if path in self and path not in found:
                found[path] = None
                queue += [given.path for given in self[path].inputs]
        return list(found)
