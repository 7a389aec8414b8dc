"""A copy of the project, to run Snakemake in."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
# Of the run, not of the result.
VOLATILE = ("logs", "benchmarks", ".partial", ".state", ".lock")
TIMES = ("timing.json", "networks.html", "report.html")


class Project:
    """A copy of the working tree in which Snakemake can be run and files can be changed."""

    PROGRAMS = [str(Path(sys.executable).parent)]  # folders that come first on the path

    def __init__(self, folder: Path):
        self.folder = folder

    @classmethod
    def copy(cls, folder: Path) -> "Project":
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file() and not name.startswith("results/"):  # what is released is of no use there
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        return cls(folder)

    @classmethod
    def environment(cls) -> dict[str, str]:
        """This environment, with this Python's programs first on the path."""
        programs = os.pathsep.join([*cls.PROGRAMS, os.environ["PATH"]])
        return {**os.environ, "PATH": programs, "PYTHONPATH": "workflow"}

    def run(self, *command: str, **options) -> subprocess.CompletedProcess:
        """Run a command in the project's folder."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, text=True, **options
        )

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        return self.run("snakemake", "--cores", "2", *arguments)

    def planned(self, *targets: str) -> dict[str, int]:
        """Jobs that a dry run lists, by rule; empty when there is nothing to do."""
        result = self.snakemake("--dry-run", *targets)
        assert result.returncode == 0, result.stdout + result.stderr
        table = re.search(r"^Job stats:\n.*?\n-+.*?\n(.*?)^total ", result.stdout + result.stderr, re.M | re.S)
        lines = table[1].splitlines() if table else []
        return {rule: int(count) for rule, count in (line.split() for line in lines)}

    def status(self, *editions: str) -> str:
        """What ``make status`` prints."""
        result = self.run("python", "-m", "ood.jobs.status", *editions)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def digests(self) -> dict[str, str]:
        """sha256 of every result that must not depend on where, when and how often a job was run."""
        results = self.folder / "results"
        return {
            str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(results.rglob("*"))
            if path.is_file()
            and path.relative_to(results).parts[0] not in VOLATILE
            and not path.name.endswith(".record.json")
            and path.name not in TIMES
        }

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text()
        assert old in text, f"{name} does not hold {old!r}"
        path.write_text(text.replace(old, new, 1))

    def configure(self, change) -> None:
        """Apply a function to the configuration and write it back."""
        path = self.folder / "config.yaml"
        config = yaml.safe_load(path.read_text())
        change(config)
        path.write_text(yaml.safe_dump(config, sort_keys=False))
