"""What Snakemake would run and why: its own judgement, with the names of what changed taken from our records.

Snakemake says that a job's parameters changed. Which parameter, or which module behind the digest of its code, is
found by comparing the record of what it made last (ood.ledger) with the configuration and the sources of now.
"""

import contextlib
import io
import json
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.cli import parse_args
from snakemake.exceptions import MissingInputException, MissingRuleException, WorkflowError
from snakemake.settings.types import DAGSettings, ExecutionSettings, OutputSettings, Quietness, ResourceSettings

from ood import closure, ledger, progress
from ood.errors import Problem, unknown
from ood.jobs import head
from ood.jobs.inputs import otherwise, rewired

FRESH, STALE, MISSING, FAILED = STATES = ("fresh", "stale", "missing", "failed")


@dataclass(eq=False)
class Job:
    """A job of the DAG.

    ``spec`` and ``inputs`` are what it would get now. ``causes`` are those of a job that would run: its own, and those
    of the jobs before it. ``files`` are its outputs, log and benchmark; ``command`` is what the shell would run, with
    as many ``threads`` as its rule asks for.
    """

    rule: str
    benchmark: str
    outputs: list[Path]
    log: Path
    before: list["Job"]
    runs: bool
    record: dict[str, Any] | None
    spec: Any = None
    inputs: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    command: str = ""
    threads: int = 1

    def state(self, *outputs: Path) -> str:
        """Of these outputs, or of all.

        Failed: it would run, and when it last began it did not come to its end. Its log says so: the one thing that is
        left by a job that was killed on whatever machine, and that cloning and touching do not change.
        """
        if self.runs and self.log.is_file() and progress.ended(self.log) != progress.DONE:
            return FAILED
        if not all(output.exists() for output in outputs or self.outputs):
            return MISSING
        return STALE if self.runs else FRESH

    def failure(self) -> str:
        """What became of it, and where its log is."""
        said = "failed" if progress.ended(self.log) == progress.FAILED else "was killed, or is at work,"
        return f"{said} see {self.log}"

    def upstream(self) -> Iterator["Job"]:
        """All jobs that this one rests on, and itself, each once."""
        found, queue = set(), [self]
        while queue:
            job = queue.pop()
            if job not in found:
                found.add(job)
                yield job
                queue += job.before


def changes(old: Any, new: Any, key: str) -> Iterator[str]:
    """What differs between two values as JSON has them, by dotted key."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            yield from changes(old.get(name), new.get(name), f"{key}.{name}")
    elif isinstance(old, list) and isinstance(new, list) and set(map(str, old)) != set(map(str, new)):
        yield from (f"{key} without {value}" for value in old if value not in new)
        yield from (f"{key} with {value}" for value in new if value not in old)
    elif old != new:
        yield textwrap.shorten(f"{key} {json.dumps(old)} -> {json.dumps(new)}", 80, placeholder=" ...")


def edited(record: dict[str, Any]) -> list[str]:
    """The modules of a record's code, notebooks among them, and the lock, that are not what they were."""

    def now(name: str) -> str | None:
        file = Path(name) if name.endswith(".py") else closure.file_of(name)
        return ledger.sha256(file) if file and file.is_file() else None

    names = [name for name, digest in record["code"]["modules"].items() if now(name) != digest]
    return names + ([str(closure.LOCK)] if ledger.sha256(closure.LOCK) != record["lock"] else [])


def _parameters(params: Any, record: dict[str, Any]) -> Iterator[str]:
    yield from changes(record["spec"], json.loads(params.spec), "parameter")
    if params.get("code", record["code"]["digest"]) != record["code"]["digest"]:
        yield from edited(record) or ["the list of its modules"]


def _causes(job: Any, reason: Any, record: dict[str, Any] | None) -> Iterator[str]:
    """Why a job of Snakemake's would run, other than that jobs before it do."""
    if reason.forced:
        yield "interrupted"
    yield from (f"missing {path}" for path in sorted(reason.missing_output))
    yield from sorted(reason.updated_input - reason.updated_input_run)
    if reason.code_changed:
        yield f"the command of rule {job.rule.name}"
    if record and reason.input_changed:
        yield from rewired([given["path"] for given in record["inputs"]], list(map(str, job.input)))
    if record and reason.params_changed:
        yield from _parameters(job.params, record)
        if not reason.input_changed:
            yield from otherwise(record, list(map(str, job.input)))
    elif not record and (reason.params_changed or reason.input_changed):
        yield "no record"


def _record(outputs: list[Path]) -> dict[str, Any] | None:
    """The last record of a job's outputs, which says how long it took; it may have outlived them."""
    records = []
    for output in outputs:
        with contextlib.suppress(Problem):  # there is none, or none that can be trusted
            records.append(ledger.read(output))
    return max(records, key=lambda record: (record["started"], record["seconds"]), default=None)


def _jobs(dag: Any) -> Iterator[Job]:
    known = {}
    for job in (job for level in dag.toposorted() for job in level if job.output):
        outputs = [Path(path) for path in job.output]
        before = [known[other] for other in dag.dependencies[job]]
        runs, record = dag.needrun(job), _record(outputs)
        benchmark = job.wildcards_dict.get("benchmark", "")
        known[job] = made = Job(job.rule.name, benchmark, outputs, Path(job.log[0]), before, runs, record)
        made.spec, made.inputs = json.loads(job.params.spec), list(map(str, job.input))
        made.files = [Path(path) for path in job.products()]
        made.command, made.threads = job.shellcmd, job.threads
        if runs:
            own = [made.failure()] if made.state() == FAILED else list(_causes(job, dag.reason(job), record))
            earlier = [cause for other in before if other.runs for cause in other.causes]
            made.causes = list(dict.fromkeys(own + earlier))
        elif made.state() == MISSING:
            made.causes = ["not needed: what was made from it is there"]
        yield made


def plan(*targets: str, noted: bool = False) -> list[Job]:
    """The jobs of these targets, each after those that it rests on. Runs none.

    Raises Problem for an unknown target, and for what the workflow finds wrong with config.yaml or the mirror.

    What was made elsewhere and copied here is first ``noted``, so that it is judged like the rest.

    Snakemake shows its DAG to executors and report writers only, hence the two private calls; they are what its own
    --summary does. The profile is read as the command line does. Cores are no limit: which machine runs the jobs is not
    known here.
    """
    with contextlib.redirect_stderr(io.StringIO()):
        _, options = parse_args(["--", *targets])
    quiet = OutputSettings(quiet={Quietness.ALL}, enable_file_logging=False)
    with SnakemakeApi(quiet) as api:
        names = []
        try:
            workflow_api = api.workflow(ResourceSettings(cores=sys.maxsize))
            workflow_api.dag(
                DAGSettings(
                    targets=frozenset(options.targets),
                    force_incomplete=True,
                    rerun_triggers=options.rerun_triggers,
                    max_checksum_file_size=options.max_checksum_file_size,
                )
            )
            workflow = workflow_api._workflow
            names = [rule.name for rule in workflow.rules if not rule.has_wildcards()]
            workflow._prepare_dag(forceall=False, ignore_incomplete=False, lock_warn_only=True)
            workflow._build_dag()
        except (MissingRuleException, MissingInputException, WorkflowError) as error:
            wrong = next((name for name in targets if names and name not in names and "/" not in name), None)
            raise Problem(unknown("target", wrong, names) if wrong else str(error)) from None
        workflow.execution_settings = ExecutionSettings()  # the notes ask for them
        if noted or not head.note(workflow):
            return list(_jobs(workflow.dag))
    return plan(*targets, noted=True)
