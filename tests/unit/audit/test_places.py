"""The table of which step makes a file where agrees with the workflow's rules."""

import re
from pathlib import Path

import pytest
from snakemake.api import SnakemakeApi
from snakemake.io import apply_wildcards
from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

from ood.audit.places import PLACES, steps

ROOT = Path(__file__).parents[3]
WILDCARDS = {
    "benchmark": "b_1",
    "dataset": "d",
    "detector": "msp",
    "edition": "demo",
    "file": "a/b.tar.gz",
    "seed": "0",
}


@pytest.fixture
def rules(monkeypatch) -> set[tuple[str, str]]:
    """Every output of every rule with the name of the step that its command runs."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("OOD_MIRROR", "")
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL}, enable_file_logging=False)) as api:
        loaded = list(api.workflow(ResourceSettings(cores=1))._workflow.rules)
    return {
        (apply_wildcards(output, WILDCARDS), re.search(r"python -m ([\w.]+)", rule.shellcmd)[1].rpartition(".")[2])
        for rule in loaded
        for output in rule.output
    }


def test_every_output_of_every_rule_has_its_step_and_no_other_place_has_one(rules):
    places = [(next((pattern for pattern, _ in PLACES if pattern.fullmatch(path)), path), step) for path, step in rules]
    assert len(rules) > 1000
    assert set(places) == {(pattern, step) for pattern, names in PLACES for step in names}


@pytest.mark.parametrize(
    "path",
    ["results/cells/a/b.parquet", "results/own.csv", "cells/a.parquet", "results/scores/b/seed0/msp.parquet.old"],
)
def test_where_no_step_writes_none_is_known(path):
    assert steps(path) == ()
