"""Who made what, from what: one record beside every output.

The record of ``results/a/b.parquet`` is ``results/a/b.parquet.record.json``. It is written before its output takes
its final name, so no output is ever without one, and every step checks the records of what it reads: a file that was
changed after it was made, or that came from nowhere, stops the workflow.

A record has an ``id``, the digest of what determines its output (``IDENTITY``), among which are the ids of its inputs'
records: the ids are a chain from the appendix back to the images, and the same work done twice has the same id. Its
``seal`` is the digest of all else that it says, the circumstances included. ``ood.audit`` checks both.
"""

import contextlib
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ood import closure
from ood.errors import Problem

RESULTS = "results"
SUFFIX = ".record.json"
SCHEMA = 2  # of records: those of another one are not read
# What determines an output, and the output. Not so the host, the times, the job, nor the commit: only its code does.
IDENTITY = ("schema", "step", "spec", "inputs", "code", "lock", "output")
LIBRARIES = ("numpy", "torch", "pandas", "scikit-learn", "snakemake")


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(value: Any) -> str:
    """sha256 of a JSON value in its one canonical spelling: keys sorted, no spaces, ASCII, floats as Python's repr."""
    return hashlib.sha256(
        json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    ).hexdigest()


def identity(record: dict[str, Any]) -> str:
    """The id that a record must have."""
    return fingerprint({name: record.get(name) for name in IDENTITY})


def seal(record: dict[str, Any]) -> str:
    """The seal that a record must have."""
    return fingerprint({name: value for name, value in record.items() if name != "seal"})


def record_path(output: Path) -> Path:
    """Where the record of an output lies: beside it."""
    return output.with_name(output.name + SUFFIX)


def read(output: Path) -> dict[str, Any]:
    """The record of ``output``. Raises Problem when there is none, or one of another version, or an edited one."""
    path, remedy = record_path(output), f"so the origin of {output} is unknown. Delete it and run again."
    if not path.is_file():
        raise Problem(f"{output} has no record ({path.name}), {remedy}")
    try:
        record = json.loads(path.read_text())
    except ValueError:
        raise Problem(f"{path} is not JSON, {remedy}") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise Problem(f"{path} is no record of schema {SCHEMA}, {remedy}")
    if (record.get("id"), record.get("seal")) != (identity(record), seal(record)):
        raise Problem(f"{path} was edited: it does not match its id and seal, {remedy}")
    return record


def given(path: Path, argument: str) -> dict[str, str]:
    """What a record says of an input: argument, path, sha256 and, of a generated one, the id of its record.

    Raises Problem for a generated one that is not what its record says.
    """
    if not path.is_file():
        raise Problem(f"{path} is missing. Build it first: snakemake --cores 2 {path}")
    about = {"argument": argument, "path": str(path), "sha256": sha256(path)}
    if path.parts[0] != RESULTS:
        return about
    record = read(path)
    if record["output"]["sha256"] != about["sha256"]:
        raise Problem(f"{path} was changed after it was made: its record has another digest. Delete it and run again.")
    return about | {"record": record["id"]}


def _git(*arguments: str) -> str | None:
    """What git says, None where there is none; it must not write the index, which the user's own commands lock."""
    command = ["git", "--no-optional-locks", *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def cpu_model() -> str:
    """What the processor calls itself."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _versions() -> dict[str, str]:
    """Of those of LIBRARIES that are there: a job that was not started by Snakemake needs none."""
    found = {}
    for name in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _gpu_model() -> str | None:
    torch = sys.modules.get("torch")  # a step that has not imported torch has used no GPU
    return torch.cuda.get_device_name() if torch and torch.cuda.is_available() else None


class Job:
    """What is known of a running step; ``record`` turns it into the record of one of its outputs.

    ``inputs``: by argument of the step.
    """

    def __init__(self, step: str, roots: tuple[str, ...], spec: Any, inputs: dict[str, list[Path]]):
        self.started = datetime.now(UTC)
        status = _git("status", "--porcelain")  # a detector that is not yet added counts as well
        self.facts = {
            "schema": SCHEMA,
            "step": step,
            "spec": spec,
            "inputs": [given(path, argument) for argument, paths in inputs.items() for path in paths],
            "code": {
                "digest": closure.digest(*roots),
                "modules": {name: sha256(file) for name, file in closure.closure(*roots).items()},
            },
            "commit": _git("rev-parse", "HEAD"),
            "dirty": bool(status) if status is not None else None,
            "lock": sha256(closure.LOCK),
            "host": platform.node(),
            "cpu": cpu_model(),
            "slurm_job": os.environ.get("SLURM_JOB_ID"),
            "started": self.started.isoformat(timespec="seconds"),
        }

    def record(self, made: Path, final: Path, argument: str) -> dict[str, Any]:
        """The record of ``made``, an output of the step's ``argument`` that is about to be renamed to ``final``."""
        usage = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        size = made.stat().st_size
        record = {
            "output": {"argument": argument, "path": str(final), "sha256": sha256(made), "bytes": size},
            **self.facts,
            "gpu": _gpu_model(),
            "versions": {"python": platform.python_version(), **_versions()},
            "seconds": round((datetime.now(UTC) - self.started).total_seconds(), 3),
            "peak_memory_mb": round(max(part.ru_maxrss for part in usage) / 1024),
        }
        record["id"] = identity(record)
        return record | {"seal": seal(record)}

    def publish(self, made: Path, final: Path, argument: str) -> None:
        """Write the record, then give ``made`` its final name: each by a rename, the record first."""
        text = json.dumps(self.record(made, final, argument), indent=1, sort_keys=True) + "\n"
        draft = made.with_name(made.name + SUFFIX)
        draft.write_text(text)
        final.parent.mkdir(parents=True, exist_ok=True)
        draft.replace(record_path(final))
        made.chmod(0o644)  # safetensors writes 0600; colleagues read results too
        made.replace(final)
