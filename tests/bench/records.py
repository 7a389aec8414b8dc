"""What records cost: make bench-records, in a folder with a finished run.

For every job of the run its records are collected again, with all that this takes: digests of inputs and outputs, of
the code and its modules, the questions to git. Beside it stands how long the jobs took, by those records.
"""

import shutil
import tempfile
import time
from pathlib import Path

from ood import closure, command, ledger
from ood.audit.replay import function
from ood.errors import Problem
from ood.progress import track
from ood.records import Record, Records


def collect(records: Records, record: Record, folder: Path) -> None:
    """The records of one job, into a folder."""
    for cached in (closure.digest, closure._edges):
        cached.cache_clear()  # a job is a process of its own
    roots = (record.step, *(name for name in record.code.modules if closure.file_of(name)))
    inputs = {name: [Path(path) for path in paths] for name, paths in record.arguments().items()}
    job = ledger.Job(record.step, roots, record.spec, inputs)
    for output in records.jobs[record.job]:
        made = job.record(Path(output), Path(output), records[output].output.argument)
        ledger.record_path(folder / Path(output).name).write_text(str(made))


def main() -> None:
    records = Records.load()
    jobs = [records[outputs[0]] for outputs in records.jobs.values()]
    if not jobs:
        raise Problem("Nothing was run in this folder. Run the demo first: make demo")
    for step in {record.step for record in jobs}:
        function(step)  # imported now, as a job has done by then
    folder = Path(tempfile.mkdtemp())
    began = time.perf_counter()
    for record in track(jobs, "job", len(jobs)):
        collect(records, record, folder)
    took = time.perf_counter() - began
    shutil.rmtree(folder)
    whole = sum(record.seconds for record in jobs)
    print(
        f"{len(records):,} records of {len(jobs)} jobs: {took:.1f} s, {took / whole:.1%} of the {whole:.0f} s they took"
    )


if __name__ == "__main__":
    command.run(main)
