"""The time left: what a job took, else the mean of its like, else the recipe's hours, else unknown."""

from pathlib import Path

import pytest
import yaml

from ood.config import load
from ood.jobs.inputs import rewired
from ood.jobs.plan import Job, changes
from ood.jobs.status import Cost, _artifacts, remaining, total

CONFIG = load(yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text()))


def job(rule: str, benchmark: str, runs: bool, seconds: float | None = None, gpu: str | None = None) -> Job:
    record = None if seconds is None else {"seconds": seconds, "gpu": gpu}
    return Job(rule, benchmark, [Path("results/a")], Path("a.log"), [], runs, record)


@pytest.mark.parametrize(
    ("asked", "others", "expected"),
    [
        (job("score", "digits", True, 3.0), [job("score", "digits", False, 9.0)], Cost(cpu=3)),
        (job("score", "digits", True, 3.0, "H200"), [], Cost(gpu=3)),
        (job("score", "digits", True), [job("score", "digits", True, s) for s in (2.0, 4.0)], Cost(cpu=3)),
        (job("score", "digits", True), [job("score", "mnist", False, 4.0)], Cost(unknown=1)),
        (job("score", "digits", True), [job("extract", "digits", False, 4.0)], Cost(unknown=1)),
        (job("prepare", "", True), [job("prepare", "", False, 4.0)], Cost(unknown=1)),
        (job("train", "digits", True), [job("train", "digits", False, 30.0)], Cost(cpu=30)),
        (job("train", "digits", True), [], Cost(cpu=3600 * CONFIG.recipes["digits"].hours)),
        (job("train", "cifar10", True), [], Cost(gpu=3600 * CONFIG.recipes["cifar10"].hours)),
    ],
)
def test_the_cost_of_a_job(asked, others, expected):
    assert remaining([asked, *others], CONFIG)[asked] == expected


def test_only_what_would_run_costs():
    jobs = [job("score", "digits", False, 9.0), job("cells", "digits", True, 61.0), job("train", "cifar10", True)]
    left = remaining(jobs, CONFIG)
    assert left.keys() == set(jobs[1:])
    assert str(total(left.values())) == "0:01:01 CPU + 2:00:00 GPU"
    assert str(total([*left.values(), Cost(unknown=1), Cost(unknown=1)])).endswith(" + 2 unknown")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["p.a.b 1 -> 2"]),
        ({"a": 1}, {"a": 1, "b": "x"}, ['p.b null -> "x"']),
        (["x", "y"], ["y", "z"], ["p without x", "p with z"]),
        (["x", "y"], ["y", "x"], ['p ["x", "y"] -> ["y", "x"]']),
        ({"a": [1]}, {"a": [1]}, []),
    ],
)
def test_changes_are_named_by_key(old, new, said):
    assert list(changes(old, new, "p")) == said


def test_an_admission_that_a_job_only_waits_for_is_no_cause():
    read, given = ["a", "old"], ["results/checkpoints/b/seed0/accepted.json", "new", "a"]
    assert list(rewired(read, given)) == ["input without old", "input with new"]
    assert list(rewired([given[0]], given[1:])) == [f"input without {given[0]}", "input with a", "input with new"]


def test_a_row_of_several_jobs_has_the_worst_state_and_all_causes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("results/editions/demo/lineage")
    folder.mkdir(parents=True)
    jobs = []
    for name, causes in (("a", ["module x"]), ("b", []), ("c", ["input y"]), ("d", [])):
        log = Path(f"{name}.log")
        jobs.append(Job("lineage", "", [folder / f"{name}.html"], log, [], bool(causes), None, causes=causes))
        jobs[-1].outputs[0].touch()
    (line,) = _artifacts("demo", jobs)
    assert line.split(maxsplit=2)[1] == "stale" and line.endswith("module x; input y")
    jobs[0].outputs[0].unlink()
    (line,) = _artifacts("demo", jobs)
    assert line.split(maxsplit=2)[1] == "missing"
