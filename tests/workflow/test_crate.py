"""A run as a crate: it conforms to the profile, and what is unpacked from it elsewhere can be verified."""

import json
import zipfile
from importlib.resources import files
from types import SimpleNamespace

import pytest
from project import Project
from rocrate_validator.models import Severity
from rocrate_validator.services import validate
from rocrate_validator.utils.http import HttpRequester

# The context of RO-Crate 1.1 without a network: that of 1.3, which comes with rocrate, but for the terms of Bioschemas.
CONTEXT = json.loads(files("rocrate").joinpath("data/ro-crate.jsonld").read_text())
BIOSCHEMAS = "https://bioschemas.org/"
CONTEXT["@context"] |= {name: BIOSCHEMAS + name for name in ("ComputationalWorkflow", "FormalParameter")}


@pytest.fixture(scope="module")
def unpacked(finished, tmp_path_factory) -> Project:
    """The finished run's crate in an empty folder, without images and weights."""
    folder = tmp_path_factory.mktemp("unpacked")
    result = finished.run("python", "-m", "ood.audit", "export", str(folder / "run.zip"), "demo")
    assert result.returncode == 0, result.stderr
    zipfile.ZipFile(folder / "run.zip").extractall(folder / "crate")
    return Project(folder / "crate")


@pytest.fixture
def offline(monkeypatch):
    content = {"json": lambda: CONTEXT, "content": json.dumps(CONTEXT).encode()}
    answer = SimpleNamespace(status_code=200, headers={"Content-Type": "application/ld+json"}, **content)
    monkeypatch.setattr(HttpRequester, "get", lambda self, url, **options: answer, raising=False)


def check(folder) -> list[str]:
    """The requirements of the profile that a crate does not meet."""
    settings = {"rocrate_uri": str(folder), "profile_identifier": "provenance-run-crate"}
    found = validate(settings | {"requirement_severity": Severity.REQUIRED})
    return [f"{issue.check.identifier}: {issue.message}" for issue in found.get_issues()]


def test_it_conforms_to_the_provenance_run_crate_profile(unpacked, offline):
    assert check(unpacked.folder) == []


def test_the_validator_finds_what_does_not_conform(unpacked, offline, tmp_path):
    """A job whose tool is taken away: the same validator, the same crate."""
    path = unpacked.folder / "ro-crate-metadata.json"
    crate = json.loads(path.read_text())
    for entity in crate["@graph"]:
        if entity["@id"].startswith("#job/"):
            del entity["instrument"]
    (tmp_path / "ro-crate-metadata.json").write_text(json.dumps(crate))
    assert any("MUST have an instrument" in issue for issue in check(tmp_path))


def test_every_file_job_and_number_is_in_it(unpacked, finished):
    graph = json.loads((unpacked.folder / "ro-crate-metadata.json").read_text())["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    names = {entity.get("name") for entity in graph}
    records = {path.relative_to(finished.folder) for path in (finished.folder / "results").rglob("*.record.json")}
    assert {str(path) for path in records} <= names
    scores = "results/scores/digits/seed0/msp.parquet"
    (job,) = (one for one in graph if one["@type"] == "CreateAction" and {"@id": scores} in one["result"])
    assert job["instrument"] == {"@id": "#ood.score"} and entities[job["object"][-1]["@id"]]["name"] == "parameters"
    left = entities[next(one["@id"] for one in job["object"] if one["@id"].startswith("hash://"))]
    assert left["name"].startswith("results/features/digits/seed0/") and len(left["sha256"]) == 64
    assert not (unpacked.folder / left["name"]).exists()
    cell = entities["#cell/HEADLINE/msp/digits%20average%20AUROC"]
    assert cell["@type"] == "PropertyValue" and {"@id": cell["@id"]} in entities["./"]["variableMeasured"]


def test_what_is_unpacked_can_be_verified_and_a_changed_score_shows(unpacked):
    verify = ("python", "-m", "ood.audit", "verify")
    result = unpacked.run(*verify)
    assert result.returncode == 0, result.stdout + result.stderr
    scores = unpacked.folder / "results/scores/digits/seed0/msp.parquet"
    before = scores.read_bytes()
    scores.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    result = unpacked.run(*verify, "--levels", "a")
    scores.write_bytes(before)
    assert result.returncode == 1 and "seed0/msp.parquet: was changed after it was made" in result.stdout
