"""The workflow as Snakemake sees it: readable, and strict about its configuration."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from ood.config import load, targets
from ood.data import catalogue

ROOT = Path(__file__).parents[2]


def snakemake(*arguments: str) -> subprocess.CompletedProcess:
    programs = Path(sys.executable).parent
    return subprocess.run([programs / "snakemake", *arguments], cwd=ROOT, capture_output=True, text=True)


def test_targets_have_names_and_every_rule_a_sentence():
    listed = snakemake("--list").stdout.splitlines()
    assert all(line.endswith(".)") for line in listed), listed
    names = {line.split(" ")[0] for line in listed}
    config = load(yaml.safe_load((ROOT / "config.yaml").read_text()))
    parts = {part for edition, members in config.editions.items() for part in targets.parts(edition, members)}
    assert {"demo_overview", "small_gaia", "full_appendix", "full_lineage", "demo_digits_lineage"} < parts
    assert names == targets.rules() | parts | set(config.editions) | set(config.benchmarks)


def test_a_wrong_configuration_stops_before_the_dag(tmp_path):
    text = (ROOT / "config.yaml").read_text().replace("  gradnorm: {}", "  gradnrom: {}")
    (tmp_path / "wrong.yaml").write_text(text)
    result = snakemake("--dry-run", "--configfile", str(tmp_path / "wrong.yaml"))
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert "config.yaml: detectors.gradnrom: unknown detector 'gradnrom'. Did you mean 'gradnorm'?" in said
    assert "Job stats" not in said and "Traceback" not in said


def test_a_slip_of_yaml_is_named_with_its_file_and_line(fresh):
    text = (fresh.folder / "config.yaml").read_text()
    (fresh.folder / "config.yaml").write_text(f"mirror: a: b\n{text}")
    result = fresh.snakemake("--dry-run")
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert "config.yaml cannot be read: mapping values are not allowed here" in said and "line 1, column 10" in said
    assert "Traceback" not in said


def test_a_key_that_stands_twice_in_a_file_of_the_command_is_named(fresh):
    (fresh.folder / "other.yaml").write_text("extraction: {batch: 64}\nextraction: {batch: 32}\n")
    result = fresh.snakemake("--dry-run", "--configfile", "other.yaml")
    assert result.returncode != 0
    assert "other.yaml: extraction: this key stands twice, again in line 2" in result.stdout + result.stderr


def test_a_mirror_that_is_not_there_stops_before_the_dag(monkeypatch):
    monkeypatch.setenv("OOD_MIRROR", "/no/such/folder")
    result = snakemake("--dry-run")
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert "OOD_MIRROR: '/no/such/folder' is neither a folder nor a URL (https://...). Correct it" in said
    assert "Job stats" not in said and "Traceback" not in said


def test_cifar10_is_planned_as_the_paper_has_it(fresh, monkeypatch):
    """Five full-width networks; five OOD sets as released, Places and Textures also shrunk; no data at hand."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    benchmark, recipe = config["benchmarks"]["cifar10"], config["recipes"]["cifar10"]
    assert benchmark["network"] == {"name": "resnet34", "width": 64} and benchmark["seeds"] == [0, 1, 2, 3, 4]
    assert (recipe["epochs"], recipe["batch"], recipe["learning_rate"]) == (200, 128, 0.1)
    rules = {catalogue.datasets()[name].rule for name in benchmark["averages"]["average"]}
    assert rules == {"crop"} and len(benchmark["ood"]) == 7 and benchmark["also"] == ["mahalanobis_layers"]
    monkeypatch.setenv("OOD_MIRROR", "")
    planned = fresh.planned("cifar10")
    assert planned == {
        "fetch": 6,  # CIFAR-10, SVHN, TinyImageNet and LSUN as cropped by ODIN's authors, Places365, DTD
        "prepare": 8,
        "disjoint": 1,
        "train": 5,
        "accept": 5,
        "extract": 40,
        "score": 5 * 16,
        "score_network": 5 * 3,
        "evaluate": 19,
        "cells": 1,
        "cifar10": 1,
    }


def test_times_are_taken_while_nothing_else_runs(fresh):
    """The job asks for every core there is; on a cluster, with cores of its own, for one: not said."""
    for arguments, threads in ((["--cores", "3"], ["3"]), (["--profile", "slurm"], [])):
        said = fresh.run("snakemake", *arguments, "--dry-run", "results/timing/digits.parquet").stdout
        job = said[said.index("rule timing:") :]
        assert re.findall(r"^ +threads: (\d+)$", job[: job.index("\n\n")], re.M) == threads
