"""The jobs of a target as a shell script: it makes what Snakemake makes, without it, and that is taken as made."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import small

from ood.errors import Problem
from ood.jobs import head
from ood.jobs.plan import Job
from ood.jobs.script import lines

TARGET = "results/scores/digits/seed0/msp.parquet"
MADE = (TARGET, "results/checkpoints/digits/seed0/model.safetensors", "results/data/letters/index.parquet")
HIDDEN = "raise ImportError('there is no Snakemake on this machine')\n"
HARMFUL = "$(touch x) `touch x` ; touch x"


def test_a_run_without_snakemake_has_its_bytes_and_is_taken_as_made(fresh, finished):
    fresh.configure(small)
    script = fresh.run("python", "-m", "ood.jobs.script", TARGET)
    assert script.returncode == 0, script.stderr
    (fresh.folder / "run.sh").write_text(script.stdout)
    (fresh.folder / "workflow/snakemake.py").write_text(HIDDEN)  # before the library on the path of every step

    first = fresh.run("bash", "run.sh")
    assert first.returncode == 0, first.stderr
    assert "there is no Snakemake" in fresh.run("python", "-c", "import snakemake").stderr
    steps = [line for line in first.stderr.splitlines() if " of " in line and ": " in line]
    assert any("train results/checkpoints/digits/seed0/model.safetensors" in line for line in steps)
    again = fresh.run("bash", "run.sh")
    assert (again.returncode, again.stderr) == (0, "")

    (fresh.folder / "workflow/snakemake.py").unlink()
    assert fresh.planned(TARGET) == {}
    for path in MADE:
        assert (fresh.folder / path).read_bytes() == (finished.folder / path).read_bytes(), path
        records = [json.loads((project.folder / f"{path}.record.json").read_text()) for project in (fresh, finished)]
        assert records[0]["id"] == records[1]["id"]


def plan(project) -> list[str]:
    """The number of jobs that are left to do."""
    script = project.run("python", "-m", "ood.jobs.script", TARGET)
    assert script.returncode == 0, script.stderr
    return re.findall(r"^# \d+ jobs", script.stdout, re.M)


def test_an_edit_after_results_came_from_elsewhere_is_noticed(project):
    """Without Snakemake's notes: of what was made before the edit, the records know with which code."""
    shutil.rmtree(project.folder / ".snakemake")
    project.edit("workflow/ood/detectors/msp.py", '"""', '"""Edited. ')
    assert project.planned(TARGET) == {}
    assert plan(project) == ["# 1 jobs"]
    assert project.planned(TARGET) == {"score": 1}
    assert project.snakemake(TARGET).returncode == 0
    assert project.planned(TARGET) == {}


def test_an_input_that_changed_before_results_came_from_elsewhere_is_noticed(project):
    """It is older than what was made from another one: neither times nor today's digests would tell."""
    target, claims = "results/claims/digits.parquet", project.folder / "paper/claims.yaml"
    shutil.rmtree(project.folder / ".snakemake")
    claims.write_text(claims.read_text() + "# edited\n")
    os.utime(claims, (0, 0))
    script = project.run("python", "-m", "ood.jobs.script", target)
    assert re.findall(r"^# \d+ jobs", script.stdout, re.M) == ["# 1 jobs"], script.stderr
    assert project.planned(target) == {"verdicts": 1}
    assert project.snakemake(target).returncode == 0
    assert project.planned(target) == {}


def test_what_is_stale_is_made_again_once(project):
    """A detector was edited; its network was not."""
    before = {path: (project.folder / f"{path}.record.json").read_bytes() for path in (TARGET, MADE[1])}
    project.edit("workflow/ood/detectors/msp.py", '"""', '"""Edited. ')
    script = project.run("python", "-m", "ood.jobs.script", TARGET)
    assert script.returncode == 0, script.stderr
    for steps in (1, 0):
        result = project.run("bash", "-c", script.stdout)
        assert (result.returncode, result.stderr.count(f"score {TARGET}")) == (0, steps), result.stderr
    after = {path: (project.folder / f"{path}.record.json").read_bytes() for path in before}
    assert after[TARGET] != before[TARGET] and after[MADE[1]] == before[MADE[1]]
    assert project.planned(TARGET) == {"score": 1}  # Snakemake knows of what it has made itself
    assert plan(project) == ["# 0 jobs"]
    assert project.planned(TARGET) == {}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("digts", "unknown target 'digts'. Did you mean 'digits'?"),
        ("results/scores/digits/seed0/mps.parquet", "results/scores/digits/seed0/mps.parquet"),
        ("--cores", "unknown target '--cores'"),
    ],
)
def test_an_unknown_target_is_named(fresh, target, message):
    result = fresh.run("python", "-m", "ood.jobs.script", target)
    assert result.returncode == 1 and message in result.stderr and "Traceback" not in result.stderr, result.stderr


@pytest.mark.parametrize("command", [("script", "demo"), ("status",)])
def test_what_is_wrong_with_the_configuration_or_the_mirror_is_said_in_a_line(fresh, command, monkeypatch):
    fresh.configure(lambda config: config.update(mirrr="mirror"))
    wrong = fresh.run("python", "-m", f"ood.jobs.{command[0]}", *command[1:])
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "unknown key 'mirrr'" in wrong.stderr and wrong.stderr.count("\n") == 1
    fresh.configure(lambda config: config.pop("mirrr"))
    monkeypatch.setenv("OOD_MIRROR", "/nowhere/mirror")
    lacking = fresh.run("python", "-m", f"ood.jobs.{command[0]}", *command[1:])
    assert (lacking.returncode, lacking.stdout) == (1, "")
    assert lacking.stderr.startswith("OOD_MIRROR: '/nowhere/mirror'") and lacking.stderr.count("\n") == 1


def test_an_edition_s_script_typesets_nothing(fresh):
    script = fresh.run("python", "-m", "ood.jobs.script", "demo")
    assert script.returncode == 0, script.stderr
    assert "ood.appendix.notebook" in script.stdout and "ood.appendix.paper" not in script.stdout
    assert script.stderr == ""  # digits come with a library


def test_that_a_script_fetches_is_said_when_it_is_written(fresh):
    script = fresh.run("python", "-m", "ood.jobs.script", "cifar10")
    fetching = script.stdout.count("python -m ood.data.fetch")
    assert fetching and f"The script fetches {fetching} files" in script.stderr
    assert "snakemake --cores 1 --until fetch -- cifar10\n" in script.stderr


def test_a_target_must_be_named(fresh):
    result = fresh.run("python", "-m", "ood.jobs.script")
    assert result.returncode == 1 and "TARGET=cifar10" in result.stderr


def test_a_step_computes_with_as_many_threads_as_its_rule_asks_for(tmp_path):
    said = 'printf "%s " $OMP_NUM_THREADS $OPENBLAS_NUM_THREADS $MKL_NUM_THREADS'
    jobs = [Job("score", "", [Path(f"{n}")], Path("log"), [], True, None, command=said, threads=n) for n in (1, 4)]
    result = subprocess.run(["bash", "-c", "\n".join(lines(jobs, ""))], cwd=tmp_path, capture_output=True, text=True)
    assert result.stdout.split() == ["1"] * 3 + ["4"] * 3, result.stderr


def test_a_script_and_another_run_keep_out_of_each_other(tmp_path, monkeypatch):
    """By the lock that every run takes: of two scripts, and of a script and Snakemake."""
    job = Job("score", "", [Path("a")], Path("log"), [], True, None, command="echo begun; read line; touch x")
    command = ["bash", "-c", "\n".join(lines([job], ""))]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "begun\n"
        holder = f"Another run is at work in {tmp_path} (process {first.pid} on "
        second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (second.returncode, second.stdout) == (1, "") and holder in second.stderr, second.stderr
        monkeypatch.chdir(tmp_path)
        with pytest.raises(Problem, match=re.escape(holder)):
            head.lock()
        first.communicate("go on\n")
    assert first.returncode == 0 and (tmp_path / "x").exists()
    head.lock()
    after = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, input="")
    head._held.pop().close()
    assert after.returncode == 1 and "Another run is at work" in after.stderr


def test_pictures_are_decoded_by_as_many_processes_as_configured(fresh):
    script = fresh.run("python", "-m", "ood.jobs.script", "imagenet_bit").stdout
    assert set(re.findall(r"threads (\d); OOD_WORKERS=(\d) python -m ood.passes.extraction", script)) == {("4", "4")}


def mirror(folder, configured: str, **environment: str) -> str:
    """What OOD_MIRROR is after a script without jobs ran in a folder."""
    script = "\n".join([*lines([], configured), 'printf %s "$OOD_MIRROR"'])
    unset = {name: value for name, value in os.environ.items() if name != "OOD_MIRROR"}
    command = ["bash", "-c", script]
    result = subprocess.run(command, cwd=folder, env=unset | environment, capture_output=True, text=True, check=True)
    return result.stdout


@pytest.mark.parametrize("text", ["", "/data of all", "https://a.b/c?d=$HOME&e={f}", 'it\'s "here"}', "~", HARMFUL])
def test_the_mirror_of_the_configuration_is_text(tmp_path, text):
    assert mirror(tmp_path, text) == text
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


@pytest.mark.parametrize("text", ["/another one", HARMFUL])
def test_the_environment_s_mirror_comes_first(tmp_path, text):
    assert mirror(tmp_path, HARMFUL, OOD_MIRROR=text) == text
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
