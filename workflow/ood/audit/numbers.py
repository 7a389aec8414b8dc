"""Level (b): every number again, from the score files to the page.

Each step after the scores is run again by its own function and compared with what it wrote, metrics, cells, verdicts,
tables, figures, notebooks; then the text of the PDF and of the lineage pages is read back and must be what tables and
cells say, id by id. Finds a file that was rewritten together with its records; not scores that were. A crate without
scores has no more than its metrics and summaries to begin from: what a job read that was left out it cannot read again.
"""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from ood.artifacts.render import read_numbers
from ood.artifacts.table import shown
from ood.audit import browsed
from ood.audit.findings import Finding, Level
from ood.audit.marks import Mark, marks, plain
from ood.audit.replay import STEPS, again, astray, not_done
from ood.audit.run import Run
from ood.errors import Problem
from ood.progress import track
from ood.records import Record, Records

TYPESETTING = "paper"  # its PDF is read instead, as another LaTeX writes other bytes
MACRO = re.compile(r"\\(ours|printed|difference)\{((?:[^{}]|\{[^{}]*\})*)\}")


def due(records: Records, outputs: list[str]) -> list[str]:
    """One output of each job that is to be done again, the longest first."""
    first = {records[output].job: output for output in outputs if records[output].name in STEPS}
    return sorted(first.values(), key=lambda output: -records[output].seconds)


def _silence() -> None:
    """What notebooks' kernels say on stderr; what is wrong comes back as findings."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _again(records: Records, output: str) -> list[Finding]:
    with tempfile.TemporaryDirectory() as scratch:
        return again(records, output, Path(scratch))


def remade(records: Records, outputs: list[str]) -> list[Finding]:
    """What is not as it is when it is made again; a process per core."""
    found = []
    with ProcessPoolExecutor(os.cpu_count(), get_context("forkserver"), _silence) as pool:
        runs = [pool.submit(_again, _needed(records, output), output) for output in outputs]
        for run in track(runs, "job again", len(runs)):
            found += run.result()
    return found


def _needed(records: Records, output: str) -> Records:
    """The records of one job."""
    return records.only(records.jobs[records[output].job])


def texts(tables: list[Path]) -> pd.DataFrame:
    """What is to be read under each id, by kind: of tables' .csv files."""
    frame = read_numbers(tables)
    return frame.assign(
        ours=shown(frame),
        cited=shown(frame),
        printed=frame["printed"].replace("", "-"),
        difference=frame["difference"].replace("", "-"),
    ).set_index("id")


def typeset(record: Record, found: list[Mark]) -> Iterator[Finding]:
    """Where the PDF does not print what its tables say: every number of every table, in its order.

    ``found``: what it prints.
    """
    given = {name: [Path(path) for path in paths] for name, paths in record.arguments().items()}
    expected = texts(given["tables"])
    for mark in found:
        if mark.id not in expected.index:
            yield Finding(record.output.path, f"page {mark.page} has '{mark.text}' under the unknown id {mark.id}")
        elif mark.text != plain(expected.at[mark.id, mark.kind]):
            where = f"page {mark.page}, {mark.kind} of {mark.id}"
            yield Finding(record.output.path, where, expected.at[mark.id, mark.kind], mark.text)
    places = [(mark.kind, mark.id) for mark in found]
    for path in given["artifacts"]:
        wanted = MACRO.findall(path.read_text()) if path.suffix == ".tex" else []
        members = set(wanted)
        if wanted and [place for place in places if place in members] != wanted:
            missing = next(iter((Counter(wanted) - Counter(places)).elements()), None)
            what = f"lacks {missing[0]} of {missing[1]}" if missing else "has the numbers in another order or twice"
            yield Finding(record.output.path, f"the table of {path} {what}")


def paged(records: Records, outputs: list[str]) -> tuple[list[Finding], int]:
    """What lineage pages have wrong, and how many ids they have."""
    run, found, total = Run(records), [], 0
    pages = [output for output in outputs if records[output].name == browsed.STEP]
    for output in track(pages, "page", len(pages)):
        if reason := next(astray(records[output]), None):
            found.append(not_done(output, reason))
            continue
        wrong, count = browsed.compared(records[output], run)
        found, total = found + wrong, total + count
    return found, total


def verify(records: Records, outputs: list[str]) -> Level:
    """Level (b) of the jobs that made these outputs."""
    wanted, numbers = due(records, outputs), 0
    lacking = {output: missing for output in wanted if (missing := records.lacking(output))}
    jobs = [output for output in wanted if output not in lacking]
    found = remade(records, jobs)
    for output in (output for output in outputs if records[output].name == TYPESETTING):
        if reason := next(astray(records[output], "tables", "artifacts"), None):
            found.append(not_done(output, reason))
            continue
        try:
            printed = marks(Path(output))
            found += list(typeset(records[output], printed))
            numbers += len(printed)
        except Problem as problem:
            found.append(Finding(output, str(problem)))
        except Exception as error:  # whatever its tables lack that it prints
            found.append(Finding(output, f"cannot be compared with its tables: {type(error).__name__}: {error}"))
    wrong, shown_ids = paged(records, outputs)
    found += wrong
    done = f"{len(jobs)} jobs after the scores done again"
    if lacking:
        first, *_ = next(iter(lacking.values()))
        done += f", {len(lacking)} not: what they read is not in the crate, for instance {first}"
    return Level("b", f"{done}; {numbers:,} numbers read in the PDF, {shown_ids:,} ids on lineage pages", found)
