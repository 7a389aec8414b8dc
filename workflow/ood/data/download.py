"""One URL into a partial file: tried again, resumed where it broke off, never longer than it should be.

Beside ``x.part`` stands ``x.part.version``, what the server calls the version that the part is of (its ETag, else
Last-Modified). It goes back as If-Range, so that the rest is sent of that same version only (RFC 9110, section 13.1.5).
"""

import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from requests import Session

from ood.data import http
from ood.data.http import Failed, Interrupted
from ood.errors import Problem
from ood.progress import flow, human, log

TRIES = 6  # in a row that bring nothing new
PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds before the second try, doubled before each further one


def length(path: Path) -> int:
    """Bytes in a file; 0 when there is none."""
    return path.stat().st_size if path.exists() else 0


def _version_file(part: Path) -> Path:
    return part.with_name(part.name + ".version")


def _version(part: Path) -> str:
    """What a server calls the version that the part is of; empty when it cannot be resumed."""
    return _version_file(part).read_text() if part.exists() and _version_file(part).exists() else ""


def remove(part: Path) -> None:
    """Forget a partial file."""
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)


def save(chunks: Iterable[bytes], path: Path, what: str, total: int | None) -> None:
    """Append ``chunks`` to a file that is to have ``total`` bytes. Raises Problem when the disk cannot take them."""
    done = length(path)
    advice = f"The disk that holds results/ has no room for {what}{f', {human(total)}' if total else ''}. "
    advice += "Make room and run again."
    if total and shutil.disk_usage(path.parent).free < total - done:
        raise Problem(advice)
    try:
        with path.open("ab") as file:
            for chunk in flow(chunks, what, done, total):
                file.write(chunk)
    except OSError as error:  # not the source, whose errors are Failed: the disk is full, over quota, gone
        raise Problem(f"{advice} ({error.strerror} after {human(length(path))})") from None


def _attempt(session: Session, url: str, part: Path, size: int | None) -> None:
    start, known = length(part), _version(part)
    rest = {"Range": f"bytes={start}-", "If-Range": known} if start and known else {}
    with http.get(session, url, {"Accept-Encoding": "identity", **rest}) as response:
        if rest and response.status_code == 416 and http.total(response) == start:
            return  # there was nothing left to send
        if rest and response.status_code == 416:
            remove(part)
            raise Interrupted("has become shorter since its download was begun")
        http.check(response, size)
        if response.status_code == 206:
            here = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            if not here or http.version(response) not in ("", known):
                remove(part)
                raise Interrupted("has changed since its download was begun")
            log.info("%s: going on after %s", url, human(start))
        else:
            remove(part)
            _version_file(part).write_text(http.version(response))
            start = 0
        total = http.total(response) if size is None else size
        save(http.body(response, None if total is None else total - start), part, url, total)
    if total is not None and length(part) > total:
        remove(part)
        raise Failed(f"sends more than {total} bytes")
    if total is not None and length(part) < total:
        raise Interrupted(f"broke off after {length(part)} of {total} bytes")


def _persist(url: str, part: Path, size: int | None) -> None:
    furthest, failures = length(part), 0
    with Session() as session:
        while True:
            try:
                return _attempt(session, url, part, size)
            except Interrupted as trouble:
                failures = 1 if length(part) > furthest else failures + 1
                furthest = max(furthest, length(part))
                if failures == TRIES:
                    raise Failed(f"{trouble} ({TRIES} times in a row)") from None
                wait = min(max(trouble.wait, PAUSE * 2 ** (failures - 1)), LONGEST_PAUSE)
                log.info("%s: %s. Trying again in %.1f s", url, trouble, wait)
                time.sleep(wait)


def download(url: str, part: Path, size: int | None) -> None:
    """Make ``part`` the whole of what ``url`` gives, resuming after the bytes that it holds.

    ``size``: how many bytes that must be, if known. Raises Failed when this source cannot give it and Problem when the
    disk cannot take it; what came stays for another source or the next run, if they can resume it.
    """
    try:
        _persist(url, part, size)
    except (Failed, Problem):
        if not _version(part):
            remove(part)
        raise
