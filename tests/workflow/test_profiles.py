"""The profiles, without a cluster: how much would be submitted, and that GPUs are handed out one by one."""

import json
import os
import re
import resource
import shutil
import subprocess
from collections import Counter
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
import yaml
from project import ROOT
from snakemake_executor_plugin_slurm.utils import set_gres_string

# Run by the process that submits.
LOCAL = {"fetch", "disjoint", "accept", "training_cards", "all", "full", "demo_appendix", "full_appendix"}


class Resources(dict):
    """As the plugin reads them: by key or by name."""

    __getattr__ = dict.__getitem__


@pytest.mark.parametrize("target", ["all", "full"])
def test_the_experiment_is_planned_fast_and_submitted_in_hundreds(fresh, monkeypatch, target):
    """As many jobs and submissions as slurm/README.md says; groups as one per checkpoint, up to three per benchmark."""
    monkeypatch.setenv("OOD_MIRROR", "")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = fresh.run("snakemake", "--profile", "slurm", "--dry-run", target)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    plan = result.stdout + result.stderr
    assert result.returncode == 0, plan
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 40  # seconds; it takes 4 to 12
    alone = Counter(re.findall(r"^(?:local)?rule (\w+):", plan, re.M))
    grouped = Counter(re.findall(r"^ +rule (\w+):", plan, re.M))
    groups = re.findall(r"Group job (\w+)", plan)  # summaries and rounding rest on no metrics: submitted on their own
    assert set(grouped) == {"score", "evaluate", "cells", "verdicts", "summaries", "rounding"}
    assert not set(grouped) & set(alone)
    checkpoints = alone["train"] + alone["adopt"]
    assert len(set(groups)) == checkpoints + grouped["cells"]
    assert len(groups) == len(set(groups)) + grouped["summaries"] + grouped["rounding"]
    jobs = alone.total() + grouped.total()
    submissions = len(groups) + sum(count for rule, count in alone.items() if rule not in LOCAL)
    said = (fresh.folder / "slurm/README.md").read_text().replace("\n", " ")
    command = "`snakemake --profile slurm full`" if target == "full" else "`snakemake --profile slurm`,"
    assert f"{jobs} jobs in {submissions} submissions" in said[said.index(command) :][:200], (jobs, submissions)


def test_on_a_cluster_all_images_are_compared_before_anything_else(fresh, monkeypatch):
    """The first of the two commands in slurm/README.md, which the job there has too."""
    monkeypatch.setenv("OOD_MIRROR", "")
    said = (fresh.folder / "slurm/README.md").read_text()
    commands = re.search(r"^(snakemake .*) && (snakemake .*)$", said, re.M)
    assert f'--wrap "{commands[0]}"' in said and commands[1].startswith(commands[2])
    result = fresh.run(*commands[1].split(), "--dry-run")
    plan = result.stdout + result.stderr
    assert result.returncode == 0, plan
    rules = Counter(re.findall(r"^ *(?:local)?rule (\w+):", plan, re.M))
    assert set(rules) == {"fetch", "prepare", "pack", "disjoint"}
    config = yaml.safe_load((fresh.folder / "config.yaml").read_text())
    compared = {benchmark for edition in config["default"] for benchmark in config["editions"][edition]}
    assert rules["disjoint"] == len(compared)


def test_a_site_that_knows_only_gres_asks_for_a_gpu_once(fresh):
    """With the two lines for it uncommented, and as the plugin makes an sbatch of what a training then asks for."""
    for line in ("gres: gpu:1", "gpu: 0"):
        fresh.edit("slurm/config.yaml", f"# {line}", line)
    target = "results/checkpoints/digits/seed0/card.json"
    plan = fresh.run("snakemake", "--profile", "slurm", "--dry-run", target)
    asked = re.search(r"^rule train:.*?^ +resources: (.*?)$", plan.stdout + plan.stderr, re.M | re.S)[1]
    resources = dict(entry.split("=", 1) for entry in asked.split(", "))
    resources["gpu"] = int(resources.get("gpu", 0))
    assert set_gres_string(SimpleNamespace(resources=Resources(resources))).strip() == "--gres=gpu:1"


def test_on_a_workstation_two_jobs_wait_for_one_gpu(project):
    """With a token less than trainings, they come one after the other; with cores for both."""
    project.configure(lambda config: config["benchmarks"]["digits"].update(seeds=[0, 1]))
    shutil.rmtree(project.folder / "results/checkpoints")
    project.edit("workstation/config.yaml", "[gpu=4]", "[gpu=1]")
    cards = [f"results/checkpoints/digits/seed{seed}/card.json" for seed in (0, 1)]
    result = project.run("snakemake", "--profile", "workstation", "--cores", "2", *cards)
    assert result.returncode == 0, result.stdout + result.stderr
    records = [json.loads((project.folder / f"{card}.record.json").read_text()) for card in cards]
    began, other = sorted((datetime.fromisoformat(record["started"]), record["seconds"]) for record in records)
    assert began[0] + timedelta(seconds=began[1]) <= other[0] + timedelta(seconds=1)  # starts are in whole seconds


@pytest.mark.parametrize(("gpus", "limit"), [("2", "--resources gpu=2 "), ("", "")])
def test_make_runs_as_many_jobs_on_gpus_as_there_are(tmp_path, gpus, limit):
    """With programs that only say what they were called with; the other machine's driver sees none."""
    programs = tmp_path / "programs"
    programs.mkdir()
    said = {"snakemake": f'echo "$@" >> {tmp_path}/calls; exit 1', "python": f"echo {gpus}", "nvidia-smi": ""}
    for name, line in said.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    (tmp_path / "workflow").mkdir()
    run = shutil.copy(ROOT / "workflow/run.sh", tmp_path / "workflow")
    path = os.pathsep.join([str(programs), "/usr/bin", "/bin"])
    assert subprocess.run([run, "4", "demo"], env={"PATH": path}, capture_output=True).returncode == 1
    first, report = (tmp_path / "calls").read_text().splitlines()
    assert first == f"demo --cores 4 {limit}--quiet rules host --until disjoint --keep-going"
    assert report.startswith("demo --report")
