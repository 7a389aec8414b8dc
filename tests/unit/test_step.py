"""A job's outputs appear whole, with their records, or not at all; its errors say what to do."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ood import progress

ROOT = Path(__file__).parents[2]


@pytest.fixture
def job(tmp_path):
    """A copy of the library with one more step, ``ood.double``; returns a function that runs it with a given body."""
    shutil.copytree(ROOT / "workflow/ood", tmp_path / "workflow/ood", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs/requirements.lock").write_text("")
    (tmp_path / "given.txt").write_text("21")

    def run(body: str, *arguments: str) -> subprocess.CompletedProcess:
        (tmp_path / "workflow/ood/double.py").write_text(
            "from ood.errors import Problem\nfrom ood.step import Input, Output, Spec, State, run\n\n"
            f"def double(given: Input, made: Output, state: State, spec: Spec):\n    {body}\n\nrun(double)\n"
        )
        command = [sys.executable, "-m", "ood.double", "--given", "given.txt", "--made", "results/made.txt", *arguments]
        environment = {**os.environ, "PYTHONPATH": "workflow"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


GOOD = "made.write_text(str(int(given.read_text()) * spec['factor']))"


def test_the_output_and_its_record_appear(job, tmp_path):
    result = job(GOOD, "--spec", '{"factor": 2}')
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "results/made.txt").read_text() == "42"
    record = json.loads((tmp_path / "results/made.txt.record.json").read_text())
    assert record["spec"] == {"factor": 2} and record["inputs"][0]["path"] == "given.txt"
    assert not list((tmp_path / "results/.partial").iterdir())


@pytest.mark.parametrize(
    "body", ["made.write_text('half'); raise Problem('key a.b is wrong')", "made.write_text('half'); 1 / 0"]
)
def test_a_failing_step_leaves_nothing_and_says_why(job, tmp_path, body):
    result = job(body, "--log", "results/logs/double.log")
    assert result.returncode == 1
    assert "key a.b is wrong" in result.stderr or "ZeroDivisionError" in result.stderr
    assert "The log is results/logs/double.log." in result.stderr
    assert not (tmp_path / "results/made.txt").exists() and not list((tmp_path / "results/.partial").iterdir())
    assert ("Traceback" in result.stderr) == ("1 / 0" in body)


def test_an_output_on_another_disk_is_refused_before_the_work(job, tmp_path):
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other disk here")
    with tempfile.TemporaryDirectory(dir=memory) as elsewhere:
        (tmp_path / "results").mkdir()
        (tmp_path / "results/data").symlink_to(elsewhere)
        result = job("raise Problem('it was called')", "--made", "results/data/a/made.txt")
    said = "results/data/a lies on another disk than results/.partial. Link all of results, not a folder in it."
    assert result.returncode == 1 and said in result.stderr, result.stderr


def test_the_first_error_is_said_where_the_draft_is_gone_too(job, tmp_path):
    """As after somebody removed results/.partial under the job."""
    result = job("import shutil; shutil.rmtree('results/.partial'); raise Problem('key a.b is wrong')")
    assert "ood.double: key a.b is wrong" in result.stderr and "Error" not in result.stderr


@pytest.mark.parametrize(
    ("body", "end"),
    [
        ("made.write_text('whole')", progress.DONE),
        ("raise Problem('no')", progress.FAILED),
        ("1 / 0", progress.FAILED),
        ("import os; os.kill(os.getpid(), 9)", ""),
    ],
)
def test_the_log_says_how_the_step_ended(job, tmp_path, body, end):
    job(body, "--log", "results/logs/double.log")
    assert progress.ended(tmp_path / "results/logs/double.log") == end


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise Problem('no: 12:00:00 key\\nremedy')", "no: 12:00:00 key\nremedy"),
        ("1 / 0", "unexpected error: ZeroDivisionError: division by zero"),
    ],
)
def test_the_logs_last_message_is_why_the_step_failed(job, tmp_path, body, said):
    before = "from ood import progress; progress.log.info('1 of 2 done'); "
    job(before + body, "--log", "results/logs/double.log")
    assert progress.last_message(tmp_path / "results/logs/double.log") == said


def test_a_failing_step_keeps_the_old_output(job, tmp_path):
    job(GOOD, "--spec", '{"factor": 2}')
    job("made.write_text('half'); raise Problem('no')")
    assert (tmp_path / "results/made.txt").read_text() == "42"


def test_an_output_that_was_not_written_is_an_error(job):
    assert "did not write" in job("pass").stderr


def test_a_missing_input_is_named_with_the_remedy(job, tmp_path):
    (tmp_path / "given.txt").unlink()
    assert "given.txt is missing. Build it first: snakemake" in job(GOOD).stderr


TRIES = (
    "tries = state / 'tries'; tries.open('a').write('x'); "
    "made.write_text(tries.read_text()); 1 / (len(tries.read_text()) >= {})"
)


def test_a_failed_jobs_state_is_there_for_its_next_run_and_then_gone(job, tmp_path):
    codes = [job(TRIES.format(3)).returncode for _ in range(3)]
    assert codes == [1, 1, 0] and (tmp_path / "results/made.txt").read_text() == "xxx"
    assert not list((tmp_path / "results/.state").iterdir())


@pytest.mark.parametrize("changed", ["code", "spec", "input", "output", "nothing"])
def test_only_the_same_job_is_given_the_state(job, tmp_path, changed):
    assert job(TRIES.format(2)).returncode == 1
    if changed == "input":
        (tmp_path / "given.txt").write_text("22")
    body = TRIES.format(2) + ("; 0" if changed == "code" else "")
    options = {"spec": ["--spec", '{"factor": 1}'], "output": ["--made", "results/other.txt"]}
    again = job(body, *options.get(changed, []))
    assert ("ZeroDivisionError" in again.stderr) == (again.returncode == 1) == (changed != "nothing")
