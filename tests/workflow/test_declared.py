"""A record names all that its step read, files and code: the kernel says what that was.

Python's own announcements would not do: libraries open files in C++ and Rust, and notebooks run in other processes.
"""

import json
import re
from pathlib import Path

import pytest

from ood.closure import FRAME, LOCK
from ood.ledger import SUFFIX
from ood.records import HIDDEN

OPENED = re.compile(r'\d+ +openat\([^"]*"([^"]+)", O_RDONLY(?!.* = -1 )')
COMPILED = re.compile(r"/__pycache__/(\w+)\.[\w.-]+\.pyc$")


@pytest.fixture(scope="module")
def steps(finished) -> list[tuple[dict, set[str]]]:
    """By job a record, and what of the project the job and its children opened for reading."""
    commands = sorted((finished.folder.parent / "traces").glob("*.command"))
    if not commands:
        pytest.skip("strace is not installed: make strace")
    return [
        (record_of(command, finished.folder), opened(command.with_suffix(".opened"), finished.folder))
        for command in commands
    ]


def record_of(command: Path, project: Path) -> dict:
    """The record of one of the outputs that this command line names."""
    _, step, *words = command.read_text().splitlines()
    files = (project / (word + SUFFIX) for word in words)
    records = (json.loads(file.read_text()) for file in files if file.is_file())
    return next(record for record in records if record["step"] == step)


def opened(trace: Path, project: Path) -> set[str]:
    """Files of the project, from its folder on."""
    paths = {project / match[1] for match in map(OPENED.match, trace.read_text().splitlines()) if match}
    return {str(path.relative_to(project)) for path in paths if path.is_relative_to(project) and path.is_file()}


def module(path: str) -> str:
    """The dotted name of a file of the library, be it the source or compiled."""
    source = COMPILED.sub(r"/\1", path).removesuffix(".py")
    return source.removeprefix("workflow/").removesuffix("/__init__").replace("/", ".")


def test_all_steps_are_seen(steps, finished):
    records = [json.loads(file.read_text()) for file in finished.folder.rglob(f"results/**/*{SUFFIX}")]
    assert {record["step"] for record, _ in steps} == {record["step"] for record in records}
    assert all(f"workflow/{record['step'].replace('.', '/')}.py" in read for record, read in steps)


def test_a_record_names_every_file_that_its_step_read(steps):
    """But for records: from those of the inputs the chain is followed."""
    for record, read in steps:
        files = {path for path in read if not path.startswith("workflow/ood/") and not path.endswith(SUFFIX)}
        named = {given["path"] for given in record["inputs"]} | {str(LOCK)}
        assert {path for path in files - named if not HIDDEN.match(path)} == set(), record["output"]["path"]


def test_a_record_names_every_module_that_its_step_read(steps):
    """But for the frame that every step runs in."""
    frame = {f"ood.{name}" for name in FRAME}
    for record, read in steps:
        modules = {module(path) for path in read if path.startswith("workflow/ood/")}
        assert modules - frame - set(record["code"]["modules"]) == set(), record["output"]["path"]
