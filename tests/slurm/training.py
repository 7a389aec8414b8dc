"""A training job on the cluster, to be aimed at, and what must be true when it has ended."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from project import Project

CLUSTER = Path(__file__).with_name("cluster.sh")
CHECKPOINT = "results/checkpoints/digits/seed0"
EPOCHS = 6


def until(condition: Callable, what: str, seconds: float = 300):
    """Poll until ``condition()`` is true, and return what it gave."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(0.2)
    return found


def slurm(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def cluster_up() -> None:
    """Start what of the cluster does not run."""
    subprocess.run([CLUSTER, "up"], check=True)


def starts(folder: Path) -> dict[str, str]:
    """When each result outside the checkpoint was begun, by its record."""
    records = (folder / "results").rglob("*.record.json")
    return {str(path): json.loads(path.read_text())["started"] for path in records if "checkpoints" not in path.parts}


class Training:
    """A finished project whose checkpoint is to be made again, in which things go wrong."""

    command = ("snakemake", "--profile", "slurm", f"{CHECKPOINT}/accepted.json")

    def __init__(self, finished: Project, folder: Path):
        shutil.copytree(finished.folder, folder, symlinks=True)
        shutil.rmtree(folder / CHECKPOINT)
        shutil.rmtree(folder / "results/logs")
        self.project, self.folder = Project(folder), folder
        self.before = starts(folder)

    def start(self, *options: str, **environment: str) -> subprocess.Popen:
        """The head process, whose messages go to ``head.log``."""
        with (self.folder / "head.log").open("a") as log:
            return subprocess.Popen(
                [*self.command, *options],
                cwd=self.folder,
                env={**self.project.environment(), **environment},
                stdout=log,
                stderr=log,
            )

    def said(self) -> str:
        return (self.folder / "head.log").read_text()

    def log(self) -> str:
        """The training's own log."""
        path = self.folder / "results/logs/checkpoints/digits/seed0.log"
        return path.read_text() if path.is_file() else ""

    def jobs(self) -> list[str]:
        """The SLURM states that this folder's jobs ended in or are in, in the order of their submission."""
        rows = slurm("sacct", "-X", "-n", "-P", "-o", "JobIDRaw,State,WorkDir").splitlines()
        mine = [row.split("|") for row in rows if row.endswith(f"|{self.folder}")]
        return [state.split()[0] for _, state, _ in sorted(mine, key=lambda row: int(row[0]))]

    def running(self) -> tuple[str, str]:
        """Id and node of this folder's job that runs."""
        rows = slurm("squeue", "-h", "-t", "RUNNING", "-O", "JobID:20,NodeList:20,WorkDir:1000").splitlines()
        (row,) = [row.split() for row in rows if row.split()[-1] == str(self.folder)]
        return row[0], row[1]

    def process(self) -> psutil.Process:
        (found,) = [
            process
            for process in psutil.process_iter(["cmdline", "cwd"])
            if process.info["cwd"] == str(self.folder) and "ood.train.training" in (process.info["cmdline"] or [])[:3]
        ]
        return found

    def reach(self, epoch: int, head: subprocess.Popen) -> None:
        """Wait until the training's log has this epoch, of a training begun by ``head``."""

        def reached() -> bool:
            assert head.poll() is None, self.said()
            return f"epoch {epoch} of {EPOCHS}" in self.log()

        until(reached, f"epoch {epoch} in {self.folder}")

    def end(self, head: subprocess.Popen, seconds: float = 600) -> int:
        return head.wait(timeout=seconds)

    def epochs_taken_over(self) -> int:
        return json.loads((self.folder / CHECKPOINT / "timing.json").read_text())["epochs_taken_over"]

    def first_epoch(self) -> int:
        """The first epoch that the last attempt computed."""
        return int(re.search(rf": epoch (\d+) of {EPOCHS}", self.log())[1])

    def is_as(self, reference: dict[str, str]) -> None:
        """The same bytes everywhere, nothing repeated that was finished, nothing left to do."""
        assert self.project.digests() == reference
        assert starts(self.folder) == self.before
        assert not list((self.folder / "results/.state").glob("*"))
        assert self.project.planned() == {"training_cards": 1, "all": 1}  # the page that tells how long it took
