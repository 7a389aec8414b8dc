"""What Snakemake does before it runs jobs: it keeps others out of the folder, and may come after a killed process.

On a cluster the jobs of a killed process live on. Those that wait in the queue are cancelled; those that run, in which
hours may have been spent, are waited for, so that no job is done by two at once and scratch can be cleared. Then the
same command is started over, for a new plan. What they made has no entry in Snakemake's own notes, which are written by
the process that submits: it is entered now if its record (ood.ledger) says that today's parameters and code made it,
else deleted.

Of a job whose code is edited between its being planned and its start the notes say the code of the plan, its record the
code that ran. So the notes are compared with the records before a run and after it.
"""

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ood import ledger
from ood.errors import Problem
from ood.jobs.inputs import otherwise
from ood.step import PARTIAL

LOCK = Path(ledger.RESULTS, ".lock")  # workflow/run.sh takes the same one
HELD = "OOD_LOCK_HELD"  # in the environment: whoever started this process holds it
PREFIX = "ood_"  # of the jobs' names: slurm/config.yaml
SUBMITTED = Path(ledger.RESULTS, "logs/slurm")  # SLURM's logs, by slurm/config.yaml: there once a job was submitted
OTHERWISE = "other inputs"  # noted as a parameter of what was made from others than today's: no job has it
SECONDS_BETWEEN_QUERIES = 5
_held = []  # the lock's open file: the operating system gives it up with this process, however that ends


def lock() -> None:
    """Keep other runs out of this folder while this process lives. Raises Problem if there is one, or are no locks."""
    LOCK.parent.mkdir(exist_ok=True)
    file = LOCK.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = LOCK.read_text().strip()
        raise Problem(f"Another run is at work in {Path.cwd()} ({holder}). Wait for it, or stop it.") from None
    except OSError as error:  # ENOSYS, ENOLCK: not every file system has locks
        remedy = f"Let {LOCK.parent} lie on a disk that has locks, by a link for instance"
        raise Problem(f"{LOCK} cannot be locked: {error.strerror}. {remedy}, and run again.") from None
    file.truncate(0)
    print(f"process {os.getpid()} on {platform.node()}: {Path(sys.argv[0]).name}", *sys.argv[1:], file=file, flush=True)
    _held.append(file)


def _queued(*states: str) -> list[str]:
    """Ids of this user's SLURM jobs that a run in this folder has submitted. Raises Problem if SLURM does not say."""
    query = ["squeue", "--me", "--noheader", "--states", ",".join(states), "--Format", "JobID:32,Name:128,WorkDir:4096"]
    answer = subprocess.run(query, capture_output=True, text=True)
    if answer.returncode:
        raise Problem(f"squeue does not answer ({answer.stderr.strip()}). Run again when it does.")
    jobs = [line.split(maxsplit=2) for line in answer.stdout.splitlines()]
    return [job for job, name, folder in jobs if name.startswith(PREFIX) and folder.strip() == str(Path.cwd())]


def outlive() -> bool:
    """Wait until no job of an earlier run is left; return whether there was one."""
    if waiting := _queued("PENDING"):
        print(f"Cancelling waiting jobs of an earlier run: {' '.join(waiting)}", file=sys.stderr)
        subprocess.run(["scancel", "--state=PENDING", *waiting])  # it fails for one that has begun meanwhile
    alive = ("RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "CONFIGURING")
    if running := _queued(*alive):
        print(f"Waiting for jobs of an earlier run that are still running: {' '.join(running)}", file=sys.stderr)
        print("(To give them up, type in another shell: scancel, then these numbers)", file=sys.stderr)
        while _queued(*alive):
            time.sleep(SECONDS_BETWEEN_QUERIES)
    return bool(waiting or running)


def _current(job: Any) -> bool:
    """Whether a job's outputs were made with the parameters, the code and the inputs that the job has now."""
    records = [ledger.read(Path(output)) for output in job.output]
    code = job.params.get("code")
    return not _of_other_inputs(job) and all(
        record["spec"] == json.loads(job.params.spec) and code in (None, record["code"]["digest"]) for record in records
    )


class _AsMade:
    """A job as Snakemake's notes want it, with the parameters that made its outputs, whatever it has today."""

    def __init__(self, job: Any, parameters: list[str]):
        self._job, self.non_derived_params = job, parameters

    def __getattr__(self, name: str) -> Any:
        return getattr(self._job, name)


def _made_with(job: Any) -> list[str] | None:
    """The parameters that made a job's outputs, by their records; None where these are not all there, or differ."""
    try:
        records = [ledger.read(Path(output)) for output in job.output if Path(output).exists()]
    except Problem:
        return None
    coded = job.params.get("code") is not None
    parameters = {
        (json.dumps(record["spec"], sort_keys=True), *([record["code"]["digest"]] if coded else []))
        for record in records
    }
    return list(parameters.pop()) if len(records) == len(job.output) and len(parameters) == 1 else None


def _noted(job: Any, made: list[str], notes: Any) -> bool:
    """Whether Snakemake's notes say of a job's outputs what their records say."""
    said = set(map(repr, made))
    return all(
        entry and set(entry.params or ()) - {repr(OTHERWISE)} == said for entry in map(notes.metadata, job.output)
    )


def _of_other_inputs(job: Any) -> bool:
    """Whether any of a job's outputs was made from other inputs than the job has now. Snakemake would note today's."""
    return any(any(otherwise(ledger.read(Path(output)), list(map(str, job.input)))) for output in job.output)


def note(workflow: Any) -> bool:
    """Enter into Snakemake's notes what they lack or say otherwise, with what made it; whether there was any of that.

    From then on Snakemake sees by itself whether it would be made otherwise now.
    """
    found, notes = False, workflow.persistence
    for job in workflow.dag.jobs:
        made = _made_with(job) if job.output else None
        if made and not _noted(job, made, notes) and not workflow.async_run(notes.incomplete(job)):
            others = [OTHERWISE] if _of_other_inputs(job) else []
            workflow.async_run(notes.finished(_AsMade(job, made + others)))
            found = True
    return found


def take_over(workflow: Any) -> bool:
    """Enter what was finished without Snakemake's noticing into its notes; whether something stale was deleted."""
    deleted = False
    for job in workflow.dag.jobs:
        if not job.output or workflow.dag.needrun(job) or workflow.persistence.has_metadata(job):
            continue
        if not all(Path(output).exists() for output in job.output):  # nobody needs them: nothing was finished
            continue
        if _current(job):
            workflow.async_run(workflow.persistence.finished(job))
        else:
            for output in job.output:
                Path(output).unlink()
            deleted = True
    return deleted


def _cleared(local: bool) -> bool:
    """Remove what killed jobs were writing, once no job of an earlier run is left; whether there was one.

    A local run asks only where jobs have been submitted. It does not need SLURM: if that does not answer, jobs may
    still be writing, so what they have written stays.
    """
    try:
        outlived = bool(shutil.which("squeue")) and (not local or SUBMITTED.exists()) and outlive()
    except Problem:
        if not local:
            raise
        return False
    shutil.rmtree(PARTIAL, ignore_errors=True)
    return outlived


def start(workflow: Any) -> None:
    """Make the folder this run's own, and clear what killed jobs were writing.

    Where jobs outlived their run, or may do so, what they have made is taken over, and of any run what was made with
    something else than is noted; the command is then started over if there is anything new to plan with.
    """
    if not os.environ.get(HELD):
        lock()
    renewed = _cleared(workflow.local_exec) or (not workflow.local_exec and take_over(workflow))
    if workflow.execution_settings.keep_metadata:  # else nothing is noted, however often
        renewed |= note(workflow)
    if renewed:
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
