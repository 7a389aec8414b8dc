"""How far is it, and how long still? Lines for the log always, and for the terminal when there is one."""

import logging
import math
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
log = logging.getLogger("ood")
SECONDS_BETWEEN_LINES = 5.0
DONE, FAILED = "Done.", "Failed."  # the last line of the log of a step that was not killed
MESSAGE = re.compile(r"^\d\d:\d\d:\d\d [^\s:]+: ", re.MULTILINE)  # what a message begins with, by the format below
UNEXPECTED = "unexpected error"  # the first line of the message of one that nobody foresaw; a traceback follows


def start(title: str, log_file: Path | None) -> None:
    """Send the step's messages to ``log_file``, and to stderr if that is a terminal, each with ``title``."""
    log.setLevel(logging.INFO)
    log.handlers.clear()
    if sys.stderr.isatty():
        log.addHandler(logging.StreamHandler(sys.stderr))
    if log_file:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        log.addHandler(logging.FileHandler(log_file, mode="w"))
    for handler in log.handlers:
        handler.setFormatter(logging.Formatter(f"%(asctime)s {title}: %(message)s", "%H:%M:%S"))


def end(log_file: Path | None, how: str) -> None:
    """Close a step's log with DONE or FAILED."""
    if log_file:
        with log_file.open("a") as log_lines:
            log_lines.write(f"{how}\n")


def ended(log_file: Path) -> str:
    """DONE or FAILED; of a step that was killed, or is at work, whatever line its log has come to."""
    lines = log_file.read_text(errors="replace").splitlines()
    return lines[-1] if lines else ""


def last_message(log_file: Path) -> str:
    """The last message of a step that failed: what is wrong, or of an unexpected error the traceback's last line."""
    said = MESSAGE.split(log_file.read_text(errors="replace"))[-1].removesuffix(f"{FAILED}\n").rstrip()
    return f"{UNEXPECTED}: {said.splitlines()[-1]}" if said.startswith(f"{UNEXPECTED}\n") else said


def clock(seconds: float) -> str:
    """Seconds as m:ss."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def track(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Yield ``items``; at most every five seconds say how many of ``total`` are done and how long is left."""
    began = said = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - said >= SECONDS_BETWEEN_LINES and done < total:
            left = (now - began) / done * (total - done)
            log.info("%s %d of %d, %s left", what, done, total, clock(left))
            said = now
    log.info("%s: all %d done in %s", what, total, clock(time.monotonic() - began))


def human(count: float) -> str:
    """Bytes in the decimal unit that suits them: 170.1 MB."""
    power = min(int(math.log10(max(count, 1))) // 3, 3)
    return f"{count / 1000**power:.{min(power, 1)}f} {('bytes', 'kB', 'MB', 'GB')[power]}"


def flow(chunks: Iterable[bytes], what: str, done: int, total: int | None) -> Iterator[bytes]:
    """Yield ``chunks``, which come after ``done`` bytes; at most every five seconds say how far, how fast, how long."""
    first, began = done, time.monotonic()
    said = began
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        now = time.monotonic()
        if now - said >= SECONDS_BETWEEN_LINES:
            rate = (done - first) / (now - began)
            rest = f" of {human(total)}, {clock((total - done) / rate)} left" if total else ""
            log.info("%s: %s%s, %s/s", what, human(done), rest, human(rate))
            said = now
