"""What a run that failed says at its end."""

import os
from types import SimpleNamespace

import pytest

from ood.jobs import failures

BEGAN = 1000.0


@pytest.fixture
def job(tmp_path):
    """Returns a function that makes a job of Snakemake's with a log, written so many seconds after the run began."""

    def made(name: str, text: str, after: float = 1.0) -> SimpleNamespace:
        log = tmp_path / f"{name}.log"
        log.write_text(text)
        os.utime(log, (BEGAN + after, BEGAN + after))
        return SimpleNamespace(log=[str(log)])

    return made


def test_each_failed_job_is_told_with_its_last_message_and_no_other(job, tmp_path):
    jobs = [
        job("c", "10:00:00 c: at work\n10:00:01 c: key a.b is wrong.\nSet it.\nFailed.\n"),
        job("a", "10:00:00 a: unexpected error\nTraceback (...):\n  File x\nKeyError: 'z'\nFailed.\n"),
        job("b", "10:00:00 b: images 1 of 2, 0:01 left\n"),
        job("done", "10:00:00 done: all done\nDone.\n"),
        job("before", "10:00:00 before: no\nFailed.\n", after=-1),
        SimpleNamespace(log=[str(tmp_path / "not-begun.log")]),
        SimpleNamespace(log=[]),
    ]
    assert failures.tell(jobs, BEGAN) == (
        "What failed, and why (3):\n"
        f"{tmp_path}/a.log:\n    unexpected error: KeyError: 'z'\n"
        f"{tmp_path}/b.log:\n    It ends without a message: the job was stopped or killed, as for lack of memory.\n"
        f"{tmp_path}/c.log:\n    key a.b is wrong.\n    Set it.\n"
    )


def test_where_no_job_failed_nothing_is_told(job):
    assert failures.tell([job("done", "Done.\n"), job("before", "Failed.\n", after=-1)], BEGAN) == ""
