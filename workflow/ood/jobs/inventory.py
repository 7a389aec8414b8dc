"""Which files the experiment needs, which are there, where the others come from: ``python -m ood.jobs.inventory``.

With the names of editions only those of their benchmarks.

Compares names and sizes only. Digests are checked when a file is fetched, and kept in its record.
"""

import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence

from ood import command
from ood.config import Benchmark, read
from ood.data.catalogue import ARCHIVES, datasets, files, mirror_of, present
from ood.data.fetch import place
from ood.data.rows import File, is_url
from ood.ledger import record_path
from ood.progress import human

WIDTH, MARGIN = 160, " " * 4


class Use:
    """What config.yaml needs a file for, by key, and the lists of files any of which would do as well."""

    def __init__(self):
        self.keys: dict[str, list[str]] = defaultdict(list)
        self.alternatives: list[str] = []

    def add(self, key: str, value: str, others: list[list[str]]) -> None:
        self.keys[key].append(value)
        self.alternatives += [text for text in map(" + ".join, others) if text not in self.alternatives]

    def __str__(self) -> str:
        keys = "; ".join(f"{key}: {', '.join(values)}" for key, values in self.keys.items())
        return f"{keys}; alternatives: {' or '.join(self.alternatives)}" if self.alternatives else keys


def _wants(benchmarks: dict[str, Benchmark]) -> Iterator[tuple[str, str]]:
    """(key, dataset) of every mention of one in config.yaml."""
    for name, benchmark in benchmarks.items():
        yield f"benchmarks.{name}.id", benchmark.id
        yield from ((f"benchmarks.{name}.ood", dataset) for dataset in benchmark.ood)


def uses(benchmarks: dict[str, Benchmark], *at_hand: set[str]) -> tuple[dict[str, Use], dict[str, Use]]:
    """(needed, spare) by file: needed for the alternatives that are taken when these are ``at_hand``, or for others."""
    needed, spare = defaultdict(Use), defaultdict(Use)
    for key, dataset in _wants(benchmarks):
        row = datasets()[dataset]
        for names in row.files:
            for name in names:
                use = (needed if names == row.needs(*at_hand) else spare)[name]
                use.add(key, dataset, [others for others in row.files if others != names])
    for name, benchmark in benchmarks.items():
        if benchmark.weights:
            needed[benchmark.weights.file].add(f"benchmarks.{name}.weights.file", benchmark.weights.file, [])
    return needed, {name: use for name, use in spare.items() if name not in needed}


def state(file: File, mirror: str) -> str:
    """fetched, in mirror, wrong size (in the mirror) or missing."""
    fetched, mirrored = ARCHIVES / file.file, place(file.file, mirror)
    if fetched.is_file() and record_path(fetched).is_file():
        return "fetched"
    if not mirror or is_url(mirror) or not mirrored.is_file():
        return "missing"
    return "in mirror" if file.bytes in (None, mirrored.stat().st_size) else "wrong size"


def _origins(file: File, mirror: str) -> list[str]:
    return [*([f"{mirror.rstrip('/')}/{file.file}"] if is_url(mirror) else []), *file.urls]


def _entry(file: File, mirror: str, use: str) -> Iterator[str]:
    """A file's lines: state, size, name, digest; what it is and is for; if it is not there, how to get it."""
    found, by_hand = state(file, mirror), place(file.file, mirror)
    size = "?" if file.bytes is None else human(file.bytes)
    yield f"{found:<10}  {size:>9}  {file.file:<62}  {file.digest or 'no published digest'}"
    texts = [f"{file.dataset}, {file.version}; {use}"]
    if found == "wrong size":
        texts.append(f"{by_hand} has {by_hand.stat().st_size} bytes instead of {file.bytes}")
    if found in ("wrong size", "missing"):
        texts.append(" or ".join([*(f"from {url}" for url in _origins(file, mirror)), f"put by hand at {by_hand}"]))
        texts[-1] += f"; {file.note}" if file.note else ""
    for text in texts:
        yield from textwrap.wrap(
            text, WIDTH, initial_indent=MARGIN, subsequent_indent=MARGIN, break_long_words=False, break_on_hyphens=False
        )


def _sum(what: str, missing: list[File]) -> str:
    known = [file.bytes for file in missing if file.bytes is not None]
    unknown = len(missing) - len(known)
    count = f"{len(missing)} file{'' if len(missing) == 1 else 's'}"
    return f"{what}: {count}, {human(sum(known))}{f' and {unknown} of unknown size' if unknown else ''}."


def report(benchmarks: dict[str, Benchmark], mirror: str, editions: Sequence[str] = ()) -> Iterator[str]:
    """Lines on all files: those that benchmarks need, in config.yaml's order; the others, in that of the table; totals.

    If the benchmarks are those of some ``editions``, of the others only what would do for these.
    """
    needed, spare = uses(benchmarks, *present(mirror))
    whose = f"the edition {', '.join(editions)}" if editions else "config.yaml"
    yield f"Needed by {whose}; of alternatives, one is enough. Mirror: {mirror or 'none'}"
    for name, use in needed.items():
        yield from _entry(files()[name], mirror, f"needed by {use}")
    yield "\nNot needed"
    for name in files():
        if name not in needed and (name in spare or not editions):
            yield from _entry(files()[name], mirror, f"would do for {spare[name]}" if name in spare else "not used")
    missing = [file for file in map(files().get, needed) if state(file, mirror) in ("wrong size", "missing")]
    yield " ".join(
        [
            _sum("\nTo be downloaded", [file for file in missing if _origins(file, mirror)]),
            _sum("To be put there by hand", [file for file in missing if not _origins(file, mirror)]),
        ]
    )


def main() -> None:
    config, editions = read(), sys.argv[1:]
    benchmarks = config.benchmarks_of(editions) if editions else config.benchmarks
    print(*report(benchmarks, mirror_of(config.mirror, must_exist=True), editions), sep="\n")


if __name__ == "__main__":
    command.run(main)
