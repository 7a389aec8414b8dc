"""What a submitting process does about one before it: the lock, and what was finished without being noted."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from ood import ledger
from ood.errors import Problem
from ood.jobs import head
from ood.jobs.inputs import otherwise
from ood.ledger import record_path

WORKFLOW = Path(__file__).parents[3] / "workflow"


class Notes:
    """Snakemake's, as far as ood.jobs.head asks: outputs in ``known`` have an entry, ``said`` is what made them."""

    def __init__(self, *known: str, said: tuple[str, ...] = ()):
        self.known, self.said = set(known), list(map(repr, said))

    def has_metadata(self, job) -> bool:
        return self.known.issuperset(job.output)

    def metadata(self, output):
        mtime = Path(output).stat().st_mtime
        return SimpleNamespace(params=self.said, endtime=mtime) if output in self.known else None

    def incomplete(self, job) -> list:
        return []

    def finished(self, job) -> None:
        self.known.update(job.output)
        self.said = list(map(repr, getattr(job, "non_derived_params", [])))


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A job, and its output with a record of the parameters {"seed": 1}, the code abc and the input own.csv."""
    monkeypatch.chdir(tmp_path)
    Path("a.json").write_text("{}")
    Path("own.csv").write_text("1")
    read = [{"path": "own.csv", "sha256": ledger.sha256(Path("own.csv"))}]
    record = {"schema": ledger.SCHEMA, "spec": {"seed": 1}, "code": {"digest": "abc"}, "inputs": read}
    record["id"] = ledger.identity(record)
    record_path(Path("a.json")).write_text(json.dumps(record | {"seal": ledger.seal(record)}))

    class Params(dict):
        spec = property(lambda self: self["spec"])

    return SimpleNamespace(input=["own.csv"], output=["a.json"], params=Params(spec='{"seed": 1}', code="abc"))


def workflow(job, notes: Notes, needed: bool = False):
    dag = SimpleNamespace(jobs=[job], needrun=lambda _: needed)
    return SimpleNamespace(dag=dag, persistence=notes, async_run=lambda done: done)


def test_what_was_made_as_it_would_be_now_is_noted(job):
    notes = Notes()
    assert not head.take_over(workflow(job, notes))
    assert notes.known == {"a.json"} and Path("a.json").exists()


@pytest.mark.parametrize("change", [{"spec": '{"seed": 2}'}, {"code": "abd"}])
def test_what_would_be_made_otherwise_now_is_deleted(job, change):
    job.params.update(change)
    notes = Notes()
    assert head.take_over(workflow(job, notes))
    assert notes.known == set() and not Path("a.json").exists()


@pytest.mark.parametrize(("known", "needed"), [(["a.json"], False), ([], True)])
def test_what_is_noted_or_to_be_made_anyway_is_left_alone(job, known, needed):
    job.params.update(code="abd")
    notes = Notes(*known)
    assert not head.take_over(workflow(job, notes, needed))
    assert notes.known == set(known) and Path("a.json").exists()


def test_what_is_not_there_is_not_taken_over(job):
    job.params.update(code="abd")
    for output in (["a.json", "b.json"], ["b.json"]):
        job.output = output
        notes = Notes()
        assert not head.take_over(workflow(job, notes))
        assert notes.known == set() and Path("a.json").exists()
    Path("a.json").unlink()
    job.output = ["a.json"]  # its record has outlived it
    assert not head.take_over(workflow(job, Notes()))


MADE = ('{"seed": 1}', "abc")


@pytest.mark.parametrize(
    ("notes", "entered"),
    [
        (Notes("a.json", said=MADE), False),
        (Notes(), True),
        (Notes("a.json", said=('{"seed": 1}', "abd")), True),
        (Notes("a.json", said=('{"seed": 2}', "abc")), True),
    ],
)
def test_notes_that_say_otherwise_than_the_record_are_put_right(job, notes, entered):
    """Whatever the job would be made with now, and although the notes are as old as the file."""
    job.params.update(code="abd")
    assert head.note(workflow(job, notes)) is entered
    assert notes.said == list(map(repr, MADE))
    assert not head.note(workflow(job, notes))


def write(text: str) -> None:
    Path("own.csv").write_text(text)


@pytest.mark.parametrize(
    "change",
    [
        lambda job: write("2"),
        lambda job: job.input.append("new.csv"),
        lambda job: job.input.remove("own.csv"),
    ],
    ids=["other bytes", "one more", "one less"],
)
def test_what_was_made_from_other_inputs_than_todays_is_not_noted_as_made_from_these(job, change):
    change(job)
    notes = Notes()
    assert head.note(workflow(job, notes))
    assert notes.said == list(map(repr, (*MADE, head.OTHERWISE)))
    assert not head.note(workflow(job, notes))  # once is enough
    assert head.take_over(workflow(job, Notes())) and not Path("a.json").exists()


@pytest.mark.parametrize(
    "change",
    [lambda job: job.input.append("results/b/accepted.json"), lambda job: Path("own.csv").unlink()],
    ids=["waited for", "not there"],
)
def test_what_is_not_read_or_not_there_is_no_other_input(job, change):
    change(job)
    notes = Notes()
    assert head.note(workflow(job, notes)) and notes.said == list(map(repr, MADE))


def test_a_generated_input_is_what_its_record_says(job):
    """So that no large file is read."""
    record = {"schema": ledger.SCHEMA, "output": {"sha256": "of the images"}}
    record["id"] = ledger.identity(record)
    given = Path("results/images.npy")
    given.parent.mkdir()
    read = {"inputs": [{"path": str(given), "sha256": "of the images"}]}
    assert list(otherwise(read, [str(given)])) == []
    record_path(given).write_text(json.dumps(record | {"seal": ledger.seal(record)}))
    assert list(otherwise(read, [str(given)])) == []
    read["inputs"][0]["sha256"] = "of others"
    assert list(otherwise(read, [str(given)])) == [str(given)]


def test_the_lock_goes_with_the_process_that_holds_it(tmp_path, monkeypatch):
    program = "from ood.jobs.head import lock; lock(); print(flush=True); import time; time.sleep(60)"
    holder = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(WORKFLOW)}, stdout=subprocess.PIPE
    )
    holder.stdout.readline()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Problem, match=f"Another run is at work in {tmp_path}"):
        head.lock()
    holder.kill()
    holder.wait()
    head.lock()
    head._held.pop().close()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, number):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(head.fcntl, "flock", lambda *given: (_ for _ in ()).throw(OSError(number, os.strerror(number))))
    with pytest.raises(
        Problem, match=f"results/.lock cannot be locked: {os.strerror(number)}. Let results lie on a disk"
    ):
        head.lock()


SQUEUE = """#!/bin/sh
case "$*" in *PENDING*) exit 0 ;; esac
[ -d results/.partial/a ] && echo >> asked
case $(cat answers) in
    alive) echo "7 ood_train $PWD"; echo > answers ;;
    nothing) exit 1 ;;
esac
"""


@pytest.fixture
def drafts(tmp_path, monkeypatch):
    """A folder where a job was submitted, whose draft is there, and which SLURM says is alive the first time it is
    asked. ``started`` begins a run there: whether it would start over, what is left, how often SLURM was asked while
    the draft was there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv(head.HELD, "1")
    monkeypatch.setattr(head, "SECONDS_BETWEEN_QUERIES", 0)
    again = []
    monkeypatch.setattr(head.os, "execv", lambda *given: again.append(given))
    Path("squeue").write_text(SQUEUE)
    Path("squeue").chmod(0o755)
    Path("answers").write_text("alive")
    Path("results/.partial/a").mkdir(parents=True)
    head.SUBMITTED.mkdir(parents=True)

    def started(local: bool) -> tuple[bool, bool, int]:
        settings = SimpleNamespace(keep_metadata=False)
        dag = SimpleNamespace(jobs=[])
        head.start(SimpleNamespace(local_exec=local, execution_settings=settings, dag=dag))
        asked = len(Path("asked").read_text().splitlines()) if Path("asked").exists() else 0
        return bool(again), Path("results/.partial/a").exists(), asked

    return started


@pytest.mark.parametrize("local", [True, False])
def test_any_run_waits_for_jobs_that_outlived_theirs_before_it_clears(drafts, local):
    assert drafts(local) == (True, False, 2)


def test_a_local_run_does_not_need_slurm_and_then_leaves_what_its_jobs_may_be_writing(drafts):
    Path("answers").write_text("nothing")
    assert drafts(local=True) == (False, True, 1)
    with pytest.raises(Problem, match="squeue does not answer"):
        drafts(local=False)


def test_a_local_run_does_not_ask_slurm_where_nothing_was_submitted(drafts):
    head.SUBMITTED.rmdir()
    assert drafts(local=True) == (False, False, 0)


def test_where_slurm_writes_its_logs_is_what_the_profile_says():
    profile = yaml.safe_load((WORKFLOW.parent / "slurm/config.yaml").read_text())
    assert Path(profile["slurm-logdir"]) == head.SUBMITTED
    assert profile["slurm-jobname-prefix"] + "_" == head.PREFIX
