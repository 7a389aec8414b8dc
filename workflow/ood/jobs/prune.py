"""What lies under results/ and belongs to nothing in config.yaml: ``make prune`` lists it, with CONFIRM=1 removes it.

What belongs is what Snakemake's DAG of all editions and benchmarks knows (ood.jobs.plan), with its records. Downloads
stay, unfinished ones as well: they are costly, and another dataset may need them. Hidden files stay too, because a job
may be working with them; but the states from which killed trainings resume stay only until the job has finished.
What lies in linked folders stays, as it may be others' too. Nothing is removed while a run is at work in the folder.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ood import command
from ood.artifacts import PAPERS
from ood.config import Config, read
from ood.jobs.head import SUBMITTED, lock
from ood.jobs.plan import FAILED, Job, plan
from ood.ledger import RESULTS, record_path
from ood.progress import human
from ood.records import HIDDEN, walk
from ood.step import STATES

# By SLURM's logs a later run knows that jobs were submitted, which may still be writing.
KEPT = (SUBMITTED, *(Path(RESULTS, name) for name in ("archives", "logs/archives", "released")))


def belonging(jobs: list[Job], config: Config) -> set[Path]:
    """The files of these jobs, and of each edition those that belong to no job: its report, failed notebooks."""
    known = {file for job in jobs for file in job.files} | {record_path(file) for job in jobs for file in job.outputs}
    for edition in config.editions:
        logs = Path(RESULTS, "logs/editions", edition)
        known |= {Path(RESULTS, "editions", edition, "report.html"), logs / "report.log"}
        known |= {logs / f"notebooks/{paper}.failed.ipynb" for paper in PAPERS}
    return known


def left_over(config: Config) -> Iterator[Path]:
    """Files, and folders of states, that belong to nothing; sorted."""
    jobs = plan(*config.editions, *config.benchmarks, *(f"{edition}_appendix" for edition in config.editions))
    known = belonging(jobs, config)
    for path in walk(linked=False):
        kept = HIDDEN.match(str(path)) or any(path.is_relative_to(folder) for folder in KEPT)
        if path.is_file() and path not in known and not kept:
            yield path
    if STATES.is_dir() and not any(job.state() == FAILED for job in jobs):
        yield from sorted(STATES.iterdir())


def remove(path: Path) -> None:
    """Remove a file or folder, and the folders that have become empty with it."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    folder = path.parent
    while folder != Path(RESULTS) and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())


def main() -> None:
    removing = sys.argv[1:] == ["--remove"]
    if removing:
        lock()
    found = list(left_over(read()))
    print(*found, sep="\n", end="\n" if found else "")
    total = f"{len(found)} files and states, {human(sum(map(_size, found)))}, belong to nothing in config.yaml"
    if found and removing:
        for leftover in found:
            remove(leftover)
        print(f"{total}: removed.")
    else:
        print(f"{total}.{' To remove them: make prune CONFIRM=1' if found else ''}")


if __name__ == "__main__":
    command.run(main)
