"""How commands end: by themselves with their code, with a Problem in one line, with a fault in a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WORKFLOW = Path(__file__).parents[2] / "workflow"
PROGRAM = """
from ood import command
from ood.errors import Problem

def main():
    print("begun")
    {}

command.run(main)
"""


def ended(last: str) -> subprocess.CompletedProcess:
    """A command whose main ends with this statement."""
    environment = os.environ | {"PYTHONPATH": str(WORKFLOW)}
    command = [sys.executable, "-c", PROGRAM.format(last)]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("last", "code", "stderr"),
    [
        ("pass", 0, ""),
        ("return 0", 0, ""),
        ("return 3", 3, ""),
        ("raise Problem('config.yaml: seeds: none is named.')", 1, "config.yaml: seeds: none is named.\n"),
    ],
)
def test_a_command_ends_with_a_code_and_at_most_a_line(last, code, stderr):
    result = ended(last)
    assert (result.returncode, result.stdout, result.stderr) == (code, "begun\n", stderr)


def test_what_is_no_problem_keeps_its_traceback():
    result = ended("1 / 0")
    assert result.returncode == 1 and "Traceback" in result.stderr and "ZeroDivisionError" in result.stderr
