"""A finished run of the whole DAG in a copy of the project, with a configuration that takes a minute."""

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from project import Project

from ood import closure


def small(config: dict) -> None:
    """One edition of one benchmark, one seed, one epoch, two OOD sets, all detectors."""
    benchmark = config["benchmarks"]["digits"]
    benchmark |= {"ood": ["letters", "faces"], "seeds": [0]}
    benchmark["network"]["width"] = 4
    config["benchmarks"], config["editions"] = {"digits": benchmark}, {"demo": ["digits"]}
    config["default"] = ["demo"]
    config["recipes"]["digits"] |= {"epochs": 1, "warmup_epochs": 0, "accuracy": [0.05, 1.0]}
    config["bootstrap"]["draws"] = 20


@contextmanager
def traced(traces: Path) -> Iterator[None]:
    """While this lasts, every step leaves its command line and the files that it opens here, if there is strace."""
    if not shutil.which("strace"):
        yield
        return
    (traces / "bin").mkdir(parents=True)
    program = traces / "bin/python"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > "{traces}/$$.command"\n'
        f'exec strace -f -qq --seccomp-bpf -e trace=openat -o "{traces}/$$.opened" "{sys.executable}" "$@"\n'
    )
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Project, "PROGRAMS", [str(program.parent), *Project.PROGRAMS])
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """The whole DAG, run once for all processes that FINISHED_RUN gives one folder; no test may leave it changed."""
    folder = Path(os.environ.get("FINISHED_RUN") or tmp_path_factory.mktemp("runs"))
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        project, done = Project(folder / "project"), folder / "done"
        if not done.exists():
            project.folder.mkdir()
            project = Project.copy(project.folder)
            project.configure(small)
            with traced(folder / "traces"):
                result = project.snakemake()
            assert result.returncode == 0, result.stdout + result.stderr
            done.touch()
    return project


@pytest.fixture
def fresh(tmp_path) -> Project:
    """A copy of the project in which nothing was run."""
    (tmp_path / "project").mkdir()
    return Project.copy(tmp_path / "project")


@pytest.fixture
def project(finished, tmp_path) -> Project:
    """A copy of the finished run, to be changed: files, results and Snakemake's notes, times kept."""
    shutil.copytree(finished.folder, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


@pytest.fixture
def run(finished, tmp_path, monkeypatch) -> Path:
    """The finished run as hard links, and the working directory."""
    folder = tmp_path / "run"
    shutil.copytree(
        finished.folder, folder, copy_function=os.link, ignore=shutil.ignore_patterns(".snakemake", "tests")
    )
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", "workflow")  # of notebooks' kernels
    monkeypatch.setattr(closure, "PACKAGE", folder / "workflow/ood")
    return folder
