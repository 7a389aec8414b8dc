"""``make status``: the state of everything, without running anything, and right about it."""

import json
import re

import pytest

ACCEPTED = "results/checkpoints/digits/seed0/accepted.json"
FAILING = "results/logs/checkpoints/digits/seed0.accepted.log"


def jobs(project) -> list[dict]:
    """The jobs that ood.jobs.plan sees, in a process of its own, as modules are read once only."""
    script = (
        "import json; from ood.jobs.plan import plan; print(json.dumps([dict(rule=job.rule, runs=job.runs, "
        "state=job.state(), causes=job.causes, outputs=list(map(str, job.outputs))) for job in plan()]))"
    )
    result = project.run("python", "-c", script)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def would_run(found: list[dict]) -> dict[str, int]:
    rules = [job["rule"] for job in found if job["runs"]]
    return {rule: rules.count(rule) for rule in set(rules)}


def counted(text: str) -> dict[str, int]:
    """The line of totals: state -> jobs."""
    line = re.search(r"^\d+ jobs: (.*)\.$", text, re.M)[1]
    return {state: int(count) for count, state in (part.split() for part in line.split(", "))}


def row(text: str, *start: str) -> list[str]:
    """The columns of the one line that starts with these."""
    (line,) = [line for line in text.splitlines() if line.split()[: len(start)] == list(start)]
    return line.split()[len(start) :]


def detectors(project) -> int:
    """How many there are, by their score files."""
    return len(list((project.folder / "results/scores/digits/seed0").glob("*.parquet")))


def test_after_a_run_everything_is_fresh(finished):
    text = finished.status()
    count = counted(text)
    assert count["fresh"] > 50 and count["stale"] == count["missing"] == count["failed"] == 0
    assert "would run" not in text
    stages = [line.split()[2:] for line in text.split("\n\n")[0].splitlines()[1:]]
    edition = [job for job in jobs(finished) if job["outputs"][0].startswith("results/editions")]
    assert sum(int(fresh) for fresh, *_ in stages) + len(edition) == count["fresh"]
    assert row(text, "digits", "scores") == [str(detectors(finished)), ".", ".", "."]
    assert row(text, "GAIA-S-T3", "digits")[0] == row(text, "GAIA-S-T3", "imagenet")[0] == "fresh"


def test_nothing_is_run_or_changed_by_asking(project):
    project.edit("workflow/ood/detectors/energy.py", '"""', '"""Edited. ')
    before = {path: path.stat().st_mtime_ns for path in (project.folder / "results").rglob("*")}
    project.status()
    assert {path: path.stat().st_mtime_ns for path in (project.folder / "results").rglob("*")} == before


def test_an_edited_module_is_named_and_all_that_hangs_on_it_stale(project):
    project.edit("workflow/ood/detectors/gaia_a.py", "output ** (2 * q)", "output ** q")
    found = jobs(project)
    assert would_run(found) | {"all": 1} == project.planned()
    stale = [job for job in found if job["state"] == "stale"]
    assert all(job["causes"] == ["ood.detectors.gaia_a"] for job in stale)
    assert {job["state"] for job in found if not job["runs"]} == {"fresh"}
    assert "results/scores/digits/seed0/gaia_a.parquet" in sum((job["outputs"] for job in stale), [])
    text = project.status("demo")
    assert row(text, "digits", "scores")[:3] == [str(detectors(project) - 1), "1", "."]
    assert row(text, "GAIA-S-T3", "digits") == ["stale", "Fusion", "strategies", "ood.detectors.gaia_a"]
    project.edit("workflow/ood/detectors/gaia_a.py", "output ** q", "output ** (2 * q)")
    assert counted(project.status())["stale"] == 0


def add(key: str, value: object):
    return lambda config: config["benchmarks"]["digits"][key].append(value)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (
            lambda config: config["detectors"]["odin"].update(temperature=500),
            "parameter.options.temperature 1000 -> 500",
        ),
        (lambda config: config["recipes"]["digits"].update(epochs=2), "parameter.recipe.epochs 1 -> 2"),
        (add("ood", "science"), "parameter.datasets with science"),
        (add("ood", "science"), "input with results/features/digits/seed0/science.safetensors"),
        (add("seeds", 1), "parameter.seeds with 1"),
    ],
)
def test_a_changed_parameter_is_named_with_its_values(project, change, cause):
    project.configure(change)
    assert cause in {cause for job in jobs(project) for cause in job["causes"]}


def test_a_changed_notebook_and_lock_are_named(project):
    project.edit("notebooks/rg.py", "# # RG", "# # Reactivate GradNorm")
    causes = {job["rule"]: job["causes"] for job in jobs(project) if job["runs"]}
    assert causes["demo_rg"] == ["notebooks/rg.py"] and "demo_gaia" not in causes
    with (project.folder / "envs/requirements.lock").open("a") as lock:
        lock.write("# another\n")
    assert {tuple(job["causes"]) for job in jobs(project) if job["rule"] == "prepare"} == {("envs/requirements.lock",)}


def test_a_deleted_output_is_missing_and_what_hangs_on_it_stale(project):
    (project.folder / "results/cells/digits.parquet").unlink()
    found = jobs(project)
    assert would_run(found) | {"all": 1} == project.planned()
    assert {job["state"] for job in found if job["rule"] == "cells"} == {"missing"}
    assert {job["state"] for job in found if job["rule"] == "demo_rg"} == {"stale"}
    text = project.status()
    assert row(text, "digits", "cells")[:4] == [".", ".", "1", "."]
    assert "missing results/cells/digits.parquet" in " ".join(row(text, "RG-T3", "digits"))
    assert row(text, "digits", "metrics") == [str(detectors(project)), ".", ".", "."]


def test_a_deleted_intermediate_that_nothing_needs_is_missing_but_not_made_again(project):
    """Snakemake's judgement: with the scores there, features are not needed."""
    (project.folder / "results/features/digits/seed0/faces.safetensors").unlink()
    text = project.status()
    assert counted(text)["missing"] == 1 and "would run" not in text
    assert " ".join(row(text, "digits", "features")) == "2 . 1 . not needed: what was made from it is there"
    assert project.planned() == {}


def test_a_failed_job_is_there_with_its_log_until_it_succeeds(project):
    project.configure(lambda config: config["recipes"]["digits"].update(accuracy=[0.999, 1.0]))
    assert project.snakemake("digits").returncode != 0
    text = project.status()
    assert counted(text)["failed"] == 1
    assert f"{ACCEPTED} failed see {FAILING}" in text
    assert f"failed see {FAILING}" in " ".join(row(text, "digits", "cells"))
    project.configure(lambda config: config["recipes"]["digits"].update(accuracy=[0.05, 1.0]))
    assert counted(project.status())["failed"] == 1
    assert project.snakemake("--", ACCEPTED).returncode == 0
    assert counted(project.status())["failed"] == 0


def test_a_log_that_breaks_off_is_that_of_a_killed_job(project):
    (project.folder / ACCEPTED).unlink()
    (project.folder / FAILING).write_text("12:00:00 checkpoints/digits/seed0.accepted: half\n")
    assert f"{ACCEPTED} was killed, or is at work, see {FAILING}" in project.status()


def test_the_time_left_is_what_the_records_say(project):
    """All of it ran before: the sum of what each took."""
    project.edit("workflow/ood/detectors/gaia_a.py", "output ** (2 * q)", "output ** q")
    seconds = 0
    for job in jobs(project):
        records = [project.folder / f"{output}.record.json" for output in job["outputs"]]
        if job["runs"]:
            seconds += max(json.loads(record.read_text())["seconds"] for record in records)
    hours, minutes, rest = re.search(r"they take (\d+):(\d\d):(\d\d) CPU\.$", project.status(), re.M).groups()
    assert abs(3600 * int(hours) + 60 * int(minutes) + int(rest) - seconds) <= 0.5 + 1e-6


def test_an_edition_is_asked_for_by_name(finished):
    result = finished.run("python", "-m", "ood.jobs.status", "dmo")
    assert result.returncode == 1 and "unknown edition 'dmo'. Did you mean 'demo'?" in result.stderr
