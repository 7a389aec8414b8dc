"""The table of which step makes a file where agrees with the workflow's rules, and records that disagree are found."""

import json
import re
from pathlib import Path

import pytest
from snakemake.api import SnakemakeApi
from snakemake.io import apply_wildcards
from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

from ood import ledger
from ood.audit import chain, numbers
from ood.audit.places import PLACES, steps
from ood.records import Records

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


@pytest.fixture
def forged(tmp_path, monkeypatch):
    """Returns a function that writes a file with a record whose step is another name; what is found then."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ledger, "_git", lambda *arguments: None)
    Path("envs").mkdir()
    Path("envs/requirements.lock").touch()

    def forge(path: str, step: str) -> list[str]:
        Path("draft").write_text(json.dumps({}))
        job = ledger.Job("ood.evaluation.evaluate", ("ood.errors",), {}, {})
        job.facts["step"] = step
        job.publish(Path("draft"), Path(path), "metrics")
        return [str(finding) for finding in chain.sealed(Records.load())]

    return forge


@pytest.mark.parametrize(
    ("path", "step", "of"),
    [
        ("results/metrics/b/msp.parquet", "ood.evaluation.extract", "evaluate"),
        ("results/metrics/b/msp.parquet", "", "evaluate"),
        ("results/metrics/b/msp.parquet", "ood.data.fetch", "evaluate"),
        ("results/checkpoints/b/seed0/card.json", "ood.own", "training or adoption"),
        ("results/own/a.json", "ood.data.fetch", "none"),
    ],
)
def test_a_step_that_makes_no_such_file_is_found(forged, path, step, of):
    """By level (b) it would not be made again."""
    said = f"{path}.record.json: names a step that makes no such file: expected {of}, found {step}"
    assert forged(path, step) == [said]
    records = Records.load()
    assert numbers.due(records, list(records)) == []


@pytest.mark.parametrize("step", ["ood.evaluation.evaluate", "ood.evaluate", "evaluate"])
def test_a_step_goes_by_its_name_in_whatever_folder_it_lay(forged, step):
    assert forged("results/metrics/b/msp.parquet", step) == []
