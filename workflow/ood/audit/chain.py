"""Level (a): are the files what their records say, do the records hang together, and are the sources still the same?

Finds what was changed, replaced, moved, added or removed after it was made, unless file, record and the records of all
that was made from it were rewritten together, which is what levels (b) and (c) are for.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ood import ledger
from ood.audit.crate import CONTENTS
from ood.audit.findings import Finding, Level, short
from ood.audit.libraries import unlocked
from ood.audit.places import steps
from ood.closure import LOCK, file_of
from ood.errors import Problem
from ood.jobs.inputs import rewired
from ood.jobs.plan import Job, changes, plan
from ood.progress import track
from ood.records import Record, Records, files

# Whichever way a file comes, it is the file with its digest: a change of how files are fetched makes none stale.
BY_DIGEST = ("fetch",)


def sealed(records: Records) -> Iterator[Finding]:
    """Records that cannot be read, or that do not match their seal, their id, or the place where they lie.

    That says which step makes a file: what is done again is chosen by it.
    """
    for path, why in records.broken.items():
        yield Finding(path, f"is not a record ({why})")
    for output, raw in records.raw.items():
        path, record = f"{output}{ledger.SUFFIX}", records[output]
        if record.seal != ledger.seal(raw):
            yield Finding(path, "was edited: its seal", short(ledger.seal(raw)), short(record.seal))
        if record.id != ledger.identity(raw):
            yield Finding(path, "was edited: its id", short(ledger.identity(raw)), short(record.id))
        if record.output.path != output:
            yield Finding(path, "is the record of another file", output, record.output.path)
        if record.name not in (made := steps(output)):
            yield Finding(path, "names a step that makes no such file", " or ".join(made) or "none", record.step)


def outputs(records: Records) -> Iterator[Finding]:
    """Files that are not what their record says, that are missing, or that have none."""
    for output, record in track(records.items(), "digest", len(records)):
        found = records.digest(output)
        if found is None:
            yield Finding(output, "is missing, though it has a record")
        elif found != record.output.sha256:
            yield Finding(output, "was changed after it was made: sha256", short(record.output.sha256), short(found))
    broken = {path.removesuffix(ledger.SUFFIX) for path in records.broken}
    for path in map(str, files()):
        if path not in records and path not in broken:
            yield Finding(path, "has no record: its origin is unknown")


def left_out(records: Records) -> Iterator[Finding]:
    """Files that a crate names without having them, and that crates never leave out."""
    for path in records.left_out:
        if not Path(path).is_file() and not CONTENTS["numbers"].match(path):
            yield Finding(path, "is named by the crate but not in it, and crates do not leave out such files")


def inputs(records: Records) -> Iterator[Finding]:
    """Files from which something was made that are not what they were then: by digest, and by their record's id.

    Not those that were made again since with the same bytes, after which nothing needs to run again.
    """
    for path, consumers in records.consumers.items():
        found = records.digest(path)
        yield from _edited(records, path, found)
        given = {output: records[output].given(path) for output in sorted(consumers)}
        identity = records[path].id if path in records else None
        other = [output for output, one in given.items() if one.record != identity and one.sha256 == found]
        other = [output for output in other if not _since(records, path, output)]
        if other:
            what = f"does not have the record that {_several(other)} made from: id"
            yield Finding(path, what, short(given[other[0]].record), short(identity))


def own_inputs(records: Records, packed: dict[str, str] | None = None) -> Iterator[Finding]:
    """Of the inputs the project's own files, claims and printed numbers for instance, that are not what they were.

    ``packed``: as for ``sources``.
    """
    for path in records.consumers:
        if not path.startswith(f"{ledger.RESULTS}/"):
            yield from _edited(records, path, records.digest(path) if packed is None else packed.get(path))


def _edited(records: Records, path: str, found: str | None) -> Iterator[Finding]:
    """Whether an input has another digest than something was made from."""
    other = [output for output in sorted(records.consumers[path]) if records[output].given(path).sha256 != found]
    if other:
        what = f"is not what {_several(other)} made from: sha256"
        yield Finding(path, what, short(records[other[0]].given(path).sha256), short(found))


def _since(records: Records, path: str, output: str) -> bool:
    """Whether a file was made again, by another job, after the output that was made from it: nothing runs then."""
    return path in records and _begun(records[path]) > _begun(records[output])


def _begun(record: Record) -> datetime:
    return datetime.fromisoformat(record.started)


def made_again(records: Records) -> list[str]:
    """Inputs that were made again since, with the same bytes: their records are others than something was made from."""
    return [
        path
        for path, consumers in records.consumers.items()
        if path in records and any(_same_bytes(records, path, output) for output in consumers)
    ]


def _same_bytes(records: Records, path: str, output: str) -> bool:
    given, known = records[output].given(path), records[path]
    return given.record != known.id and given.sha256 == known.output.sha256 and _since(records, path, output)


def _several(outputs: list[str]) -> str:
    return f"{outputs[0]} was" if len(outputs) == 1 else f"{outputs[0]} and {len(outputs) - 1} more were"


def sources(records: Records, packed: dict[str, str] | None = None) -> Iterator[Finding]:
    """Modules, notebooks and the lock that are not those which the outputs were made with: these are stale.

    ``packed``: the digests of a crate's own sources, by path; without them those of today are asked.
    """
    made: dict[tuple[str, str], list[str]] = defaultdict(list)
    for output, record in records.items():
        if record.name not in BY_DIGEST:
            made[str(LOCK), record.lock].append(output)
            for name, then in record.code.modules.items():
                made[_source(name) if packed is None else _packed(name, packed), then].append(output)
    for (path, then), stale in sorted(made.items()):
        found = records.digest(path) if packed is None else packed.get(path)
        if found != then:
            what = f"was edited since {_several(sorted(stale))} made, stale now: sha256"
            yield Finding(path, what, short(then), short(found))


def _source(name: str) -> str:
    """The file of a module, relative to the project's folder; a notebook is one already."""
    file = None if name.endswith(".py") else file_of(name)
    return str(file.relative_to(Path.cwd())) if file and file.is_relative_to(Path.cwd()) else str(file or name)


def _packed(name: str, packed: dict[str, str]) -> str:
    """The file of a module in a crate; a notebook is one already."""
    if name.endswith(".py"):
        return name
    stem = f"workflow/{name.replace('.', '/')}"
    return next((path for path in (f"{stem}.py", f"{stem}/__init__.py") if path in packed), f"{stem}.py")


def configuration(records: Records, jobs: list[Job]) -> Iterator[Finding]:
    """Outputs that config.yaml of today asks for and that are missing, or were made with other parameters or inputs."""
    changed: dict[str, list[str]] = defaultdict(list)
    for job in jobs:
        for output in map(str, job.outputs):
            if output in records:
                for cause in _otherwise(records[output], job):
                    changed[cause].append(output)
            elif records.digest(output) is None:
                changed["not made yet"].append(output)
    for cause, stale in changed.items():
        more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
        yield Finding(stale[0], f"{'missing' if cause == 'not made yet' else 'stale'}{more}, {cause}")


def _otherwise(record: Record, job: Job) -> Iterator[str]:
    yield from changes(record.spec, job.spec, "parameter")
    yield from rewired([given.path for given in record.inputs], job.inputs)


def verify(records: Records, targets: list[str], elsewhere: bool = False) -> Level:
    """Level (a) of all records; ``targets`` are the editions, of which today's configuration is asked, none
    where no edition has results.

    Of a run made ``elsewhere`` it is not, and code, notebooks and printed numbers may be others than today's.
    """
    found = [*sealed(records), *outputs(records), *left_out(records)]
    known = list(inputs(records))
    if elsewhere:
        found += [finding for finding in known if finding.file.startswith(f"{ledger.RESULTS}/")]
    else:
        found += [*known, *sources(records)]
        try:
            found += configuration(records, plan(*targets) if targets else [])
        except Problem as problem:
            found.append(Finding("config.yaml", f"cannot be planned: {problem}"))
    digests = len(records) + sum(len(record.inputs) + len(record.code.modules) + 1 for record in records.values())
    looked_at = f"{len(records):,} records, {digests:,} digests"
    if again := made_again(records):
        looked_at += f", {len(again):,} files made again since, with the same bytes, for instance {again[0]}"
    if others := unlocked(records):
        looked_at += f", {len(others):,} files not made with the lock's libraries (make show), for instance {others[0]}"
    return Level("a", looked_at, found)
