"""Who made what, from what: one record beside every output.

The record of ``results/a/b.parquet`` is ``results/a/b.parquet.record.json``. It is written before its output takes
its final name, so no output is ever without one, and every step checks the records of what it reads: a file that was
changed after it was made, or that came from nowhere, stops the workflow.
"""

import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ood import closure
from ood.errors import Problem

RESULTS = "results"
SUFFIX = ".record.json"
LIBRARIES = ("numpy", "torch", "pandas", "scikit-learn", "snakemake")


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record_path(output: Path) -> Path:
    return output.with_name(output.name + SUFFIX)


def read(output: Path) -> dict[str, Any]:
    """The record of ``output``. Raises Problem when there is none."""
    path = record_path(output)
    if not path.is_file():
        raise Problem(f"{output} has no record ({path.name}), so its origin is unknown. Delete it and run again.")
    return json.loads(path.read_text())


def checked_digest(path: Path) -> str:
    """sha256 of an input; a generated one must be what its record says, else Problem."""
    if not path.is_file():
        raise Problem(f"{path} is missing. Build it first: snakemake --cores 2 {path}")
    found = sha256(path)
    if path.parts[0] == RESULTS and read(path)["output"]["sha256"] != found:
        raise Problem(f"{path} was changed after it was made: its record has another digest. Delete it and run again.")
    return found


def _git(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _gpu_model() -> str | None:
    torch = sys.modules.get("torch")  # a step that has not imported torch has used no GPU
    return torch.cuda.get_device_name() if torch and torch.cuda.is_available() else None


class Job:
    """What is known of a running step; ``record`` turns it into the record of one of its outputs."""

    def __init__(self, step: str, roots: tuple[str, ...], spec: Any, inputs: list[Path]):
        self.started = datetime.now(UTC)
        status = _git("status", "--porcelain")  # a detector that is not yet added counts as well
        self.facts = {
            "schema": 1,
            "step": step,
            "spec": spec,
            "inputs": [{"path": str(path), "sha256": checked_digest(path)} for path in inputs],
            "code": {
                "digest": closure.digest(*roots),
                "modules": {name: sha256(file) for name, file in closure.closure(*roots).items()},
            },
            "commit": _git("rev-parse", "HEAD"),
            "dirty": bool(status) if status is not None else None,
            "lock": sha256(closure.LOCK),
            "host": platform.node(),
            "cpu": _cpu_model(),
            "slurm_job": os.environ.get("SLURM_JOB_ID"),
            "started": self.started.isoformat(timespec="seconds"),
        }

    def record(self, made: Path, final: Path) -> dict[str, Any]:
        """The record of ``made``, which is about to be renamed to ``final``."""
        usage = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "output": {"path": str(final), "sha256": sha256(made), "bytes": made.stat().st_size},
            **self.facts,
            "gpu": _gpu_model(),
            "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
            "seconds": round((datetime.now(UTC) - self.started).total_seconds(), 3),
            "peak_memory_mb": round(max(part.ru_maxrss for part in usage) / 1024),
        }

    def publish(self, made: Path, final: Path) -> None:
        """Write the record, then give ``made`` its final name: each by a rename, the record first."""
        text = json.dumps(self.record(made, final), indent=1, sort_keys=True) + "\n"
        draft = made.with_name(made.name + SUFFIX)
        draft.write_text(text)
        final.parent.mkdir(parents=True, exist_ok=True)
        draft.replace(record_path(final))
        made.chmod(0o644)  # safetensors writes 0600; colleagues read results too
        made.replace(final)
