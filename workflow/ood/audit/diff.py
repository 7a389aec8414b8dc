"""Why did it change? The cells of two runs side by side, and of each that differs the first thing upstream that does.

Both runs are walked back from a cell, file by file. What has the same bytes in both is not a cause, whatever came
before it, so the walk ends at jobs that differ themselves, in parameters, code or libraries, or at files that no job
made. If a job gave other bytes but its record names no difference, it ran on another machine or cannot be repeated.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import chdir
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from ood.artifacts.evidence import KEY
from ood.errors import Problem
from ood.jobs.plan import changes
from ood.ledger import RESULTS
from ood.records import Record, Records

ACCURACY = "network"  # stands for a detector in the cells of accuracies


class Run:
    """A folder in which the workflow ran: its ``records`` and ``cells``. Raises Problem where there are none."""

    def __init__(self, folder: Path):
        if not folder.is_dir():
            raise Problem(f"{folder} is not a folder. Name the project folder of a run, or an unpacked archive of one.")
        with chdir(folder):
            files = sorted(Path(RESULTS, "cells").glob("*.parquet"))
            if not files:
                raise Problem(f"{folder} has no {RESULTS}/cells/*.parquet: nothing was run there.")
            self.cells = pd.concat(map(pd.read_parquet, files)).set_index(KEY).sort_index()
            self.records = Records.load()


class Comparison:
    """Two runs, ``before`` and ``after``."""

    def __init__(self, before: Run, after: Run):
        self.before, self.after = before, after
        self._runs = ((before, "before"), (after, "after"))
        self._known: dict[str, frozenset[str]] = {}

    @cached_property
    def both(self) -> pd.DataFrame:
        """The cells of both runs, the columns ``mean`` and ``values`` of each with its suffix."""
        before, after = (run.cells[["mean", "values"]].add_suffix(f" {when}") for run, when in self._runs)
        return before.join(after, how="inner")

    @cached_property
    def differing(self) -> pd.DataFrame:
        """Those whose values by seed differ, with ``off``, the difference of their means."""
        same = map(_same, self.both["values before"], self.both["values after"])
        found = self.both[~np.fromiter(same, bool, len(self.both))]
        return found.assign(off=found["mean after"] - found["mean before"])

    def causes(self, path: str) -> frozenset[str]:
        """What made a file of both runs differ; nothing if it does not."""
        if path not in self._known:
            self._known[path] = frozenset(self._causes(path))
        return self._known[path]

    def _causes(self, path: str) -> Iterator[str]:
        old, new = self.before.records.get(path), self.after.records.get(path)
        if old is None or new is None:
            yield f"{path} has a record in {'neither run' if old is new else 'one run only'}"
        elif old.output.sha256 != new.output.sha256:
            given = {file.path: file for file in old.inputs}
            altered = [file for file in new.inputs if file.path in given and file.sha256 != given[file.path].sha256]
            own = list(own_differences(old, new))
            yield from own
            for file in altered:
                yield from self.causes(file.path) if file.record else (f"the file {file.path}",)
            if not own and not altered:
                yield _machine(old, new)

    def sources(self, benchmark: str, detector: str) -> list[str]:
        """The files that a cell was made from."""
        if detector != ACCURACY:
            return [f"{RESULTS}/metrics/{benchmark}/{detector}.parquet"]
        made = self.after.records[f"{RESULTS}/cells/{benchmark}.parquet"]
        return [given.path for given in made.inputs if given.path.endswith("card.json")]

    def groups(self) -> dict[tuple[str, ...], pd.DataFrame]:
        """The differing cells by what made them differ, the largest group first."""
        members = defaultdict(list)
        for key in self.differing.index:
            causes = frozenset().union(*map(self.causes, self.sources(*key[:2])))
            members[tuple(sorted(causes))].append(key)
        ordered = sorted(members.items(), key=lambda group: -len(group[1]))
        return {causes: self.differing.loc[keys] for causes, keys in ordered}

    def report(self) -> Iterator[str]:
        """What differs and why, as lines of text."""
        alone = [run.cells.index.difference(self.both.index) for run, _ in self._runs]
        yield (
            f"{len(self.both):,} cells in both runs, {len(self.differing):,} differ; "
            f"{len(alone[0]):,} only before, {len(alone[1]):,} only after"
        )
        for causes, cells in self.groups().items():
            yield ""
            yield from (f"because of {cause}" for cause in causes)
            yield from _extremes(cells)
        for (_, when), index in zip(self._runs, alone, strict=True):
            whose = sorted({"/".join(key[:3]) for key in index})
            yield from (f"only {when}: {name}" for name in whose)


def _same(old: np.ndarray, new: np.ndarray) -> bool:
    return np.shape(old) == np.shape(new) and bool(np.array_equal(old, new, equal_nan=True))


def own_differences(old: Record, new: Record) -> Iterator[str]:
    """In what two records of the same output differ, other than their inputs' bytes and the machine."""
    altered = list(changes(old.spec, new.spec, f"parameter of {old.step}:"))
    yield from altered
    names = sorted(old.code.modules.keys() | new.code.modules.keys())
    yield from (f"the code of {name}" for name in names if old.code.modules.get(name) != new.code.modules.get(name))
    if old.lock != new.lock:
        yield "libraries (envs/requirements.lock)"
    for name in sorted(old.versions.keys() & new.versions.keys()):
        if old.versions[name] != new.versions[name]:
            yield f"{name} {old.versions[name]} -> {new.versions[name]}"
    read, now = ({given.path for given in record.inputs} for record in (old, new))
    if read != now and not altered:
        yield f"other inputs of {old.step}: {len(read - now)} fewer, {len(now - read)} more"


def _machine(old: Record, new: Record) -> str:
    before, after = old.gpu or old.cpu, new.gpu or new.cpu
    if before != after:
        return f"the machine: {before} -> {after}"
    return f"nothing that is recorded: {old.step} gave other bytes from the same bytes on the same kind of machine"


def _extremes(cells: pd.DataFrame) -> Iterator[str]:
    """How many cells of each detector, and of each metric the largest difference."""
    counts = cells.groupby(level=["benchmark", "detector"]).size()
    yield "  " + ", ".join(f"{count} of {'/'.join(key)}" for key, count in counts.items())
    for metric, part in cells.groupby(level="metric"):
        largest = part["off"].abs().fillna(0).idxmax()
        row = part.loc[largest]
        change = f"{row['mean before']:.6g} -> {row['mean after']:.6g}"
        yield f"  {metric}: {len(part)}, the largest {row['off']:+.2g}: {'/'.join(largest)} {change}"


def diff(before: Path, after: Path) -> tuple[Iterable[str], bool]:
    """The report on two runs, and whether their cells are the same."""
    comparison = Comparison(Run(before), Run(after))
    same = comparison.differing.empty and comparison.before.cells.index.equals(comparison.after.cells.index)
    return comparison.report(), same
