"""Get a file of resources/files.csv from the mirror or from where it is published, and check that it is the one."""

import atexit
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from ood import ledger
from ood.data.catalogue import ARCHIVES, MIRROR, VARIABLE, files, mirror_of
from ood.data.download import download, length, remove, save
from ood.data.http import CHUNK, Failed
from ood.data.rows import is_url
from ood.errors import Problem
from ood.progress import flow, human, log
from ood.step import Output, Spec, run

DOWNLOADS = Path(ledger.RESULTS, ".downloads")  # begun but not finished; a later run resumes from there


def place(name: str, mirror: str | None) -> Path:
    """Where a file may be put by hand."""
    return Path(MIRROR if not mirror or is_url(mirror) else mirror, name)


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise Failed(f"cannot be read: {error.strerror}") from None


def verify(path: Path, spec: Spec) -> None:
    """Raise Failed unless the file has the size and the digest of its row in the table, where it has them."""
    size, (algorithm, _, digits) = length(path), (spec["digest"] or "sha256:").partition(":")
    with path.open("rb") as file:
        if file.read(CHUNK).lstrip().lower().startswith((b"<!doctype html", b"<html")):
            raise Failed("is a web page, not the file")
    if spec["bytes"] is not None and size != spec["bytes"]:
        raise Failed(f"has {size} bytes instead of {spec['bytes']}")
    digest = hashlib.new(algorithm, usedforsecurity=False)
    for chunk in flow(_chunks(path), f"{spec['file']}: checking", 0, size):
        digest.update(chunk)
    found = digest.hexdigest()
    if not found.startswith(digits):  # of some files only the first 8 digits are published
        raise Failed(f"has digest {algorithm}:{found} instead of {spec['digest']}")
    log.info("%s: %s bytes, %s:%s%s", spec["file"], size, algorithm, found, "" if digits else ", none is published")


def _made(name: str) -> list[Path]:
    """The file under its final name, if it is what its record says: another process may have been first."""
    path = ARCHIVES / name
    try:
        ledger.given(path, "file")
    except Problem:
        return []
    return [path]


def _sources(spec: Spec, mirror: str | None) -> list[Path | str]:
    """Files and URLs in the order they are tried."""
    if mirror and is_url(mirror):
        mirrored: list[Path | str] = [f"{mirror.rstrip('/')}/{quote(spec['file'])}"]
    else:
        mirrored = [Path(mirror, spec["file"])] if mirror else []
    return [*_made(spec["file"]), *mirrored, *spec["urls"]]


def _copy(source: Path, file: Path, spec: Spec) -> None:
    if not source.is_file():
        raise Failed("there is no such file")
    if spec["bytes"] is not None and length(source) != spec["bytes"]:
        raise Failed(f"has {length(source)} bytes instead of {spec['bytes']}")
    file.unlink(missing_ok=True)
    save(_chunks(source), file, str(source), length(source))
    verify(file, spec)


def _download(url: str, part: Path, spec: Spec) -> None:
    resumed = length(part) > 0
    if spec["bytes"] is None or length(part) != spec["bytes"]:
        download(url, part, spec["bytes"])
    try:
        verify(part, spec)
    except Failed as failure:
        remove(part)
        if not resumed:
            raise
        log.info("%s: what was there with what was added is wrong (%s). Starting over", url, failure)
        _download(url, part, spec)


def _publish(part: Path, file: Path) -> None:
    """Give the part a second name. The first one goes when the process ends: until then a kill loses nothing."""
    file.unlink(missing_ok=True)
    try:
        file.hardlink_to(part)
    except OSError:  # a file system without hard links
        part.replace(file)
    atexit.register(_tidy, part)


def _tidy(part: Path) -> None:
    if part.exists() and part.stat().st_nlink > 1:  # it has its final name
        remove(part)


def _lock(name: str, path: Path) -> None:
    """Be the only process that fetches this file until it ends, as by then the file has its final name."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)  # left open: the lock goes with the process
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.info("%s: another process is fetching it. Waiting for that one", name)
        fcntl.lockf(descriptor, fcntl.LOCK_EX)


def _report(spec: Spec, mirror: str | None, failures: list[str]) -> str:
    """What was wanted, why it could not be obtained, and what to do."""
    size = "size unknown" if spec["bytes"] is None else human(spec["bytes"])
    wanted = f"{spec['file']} ({spec['dataset']}, {size}, {spec['digest'] or 'no published digest'})"
    reasons = "".join(failures) or " it has no URL, and no mirror is configured."
    setting = "" if mirror and not is_url(mirror) else f", and run again with {VARIABLE}={MIRROR}"
    note = f" Note: {spec['note']}." if spec["note"] else ""
    return f"{wanted} could not be obtained:{reasons}\nPut it at {place(spec['file'], mirror)} by hand{setting}.{note}"


def fetch(file: Output, spec: Spec) -> None:
    """Get a file, from the mirror first.

    spec: file, digest and bytes of a row of resources/files.csv, which are what the file is; where it comes from is
    looked up there, so that a new URL makes nothing stale. The mirror, a folder or a URL, is the environment variable
    OOD_MIRROR. Raises Problem with what each source said and where to put the file by hand.
    """
    name, mirror = spec["file"], mirror_of(None)
    if name in files():
        spec = files()[name].model_dump() | spec
    part = DOWNLOADS / f"{quote(name, safe='')}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    _lock(name, part.with_suffix(".lock"))
    failures = []
    for source in _sources(spec, mirror):
        try:
            if isinstance(source, Path):
                _copy(source, file, spec)
                remove(part)
            else:
                _download(source, part, spec)
                _publish(part, file)
            return
        except Failed as failure:
            log.warning("%s: %s", source, failure)
            failures.append(f"\n  {source}: {failure}")
    raise Problem(_report(spec, mirror, failures))


if __name__ == "__main__":
    run(fetch)
