"""What failed in a run, once more at its end: where it happened Snakemake goes on to print what other jobs do."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ood import progress


def failures(jobs: Iterable[Any], since: float) -> Iterator[str]:
    """Of each of Snakemake's ``jobs`` whose log does not say that it came to its end: the log, and what it says last.

    Only of those that have written to their log after ``since``, the time in seconds of a file that was made when the
    run began. That and the logs lie on one disk, so the clocks of other machines do not matter.
    """
    logs = {Path(log) for job in jobs for log in job.log}
    for log in sorted(log for log in logs if log.is_file() and log.stat().st_mtime >= since):
        end = progress.ended(log)
        if end == progress.FAILED:
            yield f"{log}:\n    " + progress.last_message(log).replace("\n", "\n    ")
        elif end != progress.DONE:
            yield f"{log}:\n    It ends without a message: the job was stopped or killed, as for lack of memory."


def tell(jobs: Iterable[Any], since: float) -> str:
    """The same as one text, empty where no job has failed."""
    found = list(failures(jobs, since))
    return "\n".join([f"What failed, and why ({len(found)}):", *found, ""]) if found else ""
