"""A run as a crate: it conforms to the profile, and what is unpacked from it elsewhere can be verified."""

import json
import re
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
SCORES = "results/scores/digits/seed0/msp.parquet"
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
    (job,) = (one for one in graph if one["@type"] == "CreateAction" and {"@id": SCORES} in one["result"])
    assert job["instrument"] == {"@id": "#ood.score"} and entities[job["object"][-1]["@id"]]["name"] == "parameters"
    left = entities[next(one["@id"] for one in job["object"] if one["@id"].startswith("hash://"))]
    assert left["name"].startswith("results/features/digits/seed0/") and len(left["sha256"]) == 64
    assert not (unpacked.folder / left["name"]).exists()
    cell = entities["#cell/HEADLINE/msp/digits%20average%20AUROC"]
    assert cell["@type"] == "PropertyValue" and {"@id": cell["@id"]} in entities["./"]["variableMeasured"]


def test_what_is_unpacked_can_be_verified_and_a_changed_score_shows(unpacked):
    verify = ("python", "-m", "ood.audit", "verify", "--levels", "a")
    result = unpacked.run(*verify)
    assert result.returncode == 0, result.stdout + result.stderr
    scores = unpacked.folder / SCORES
    before = scores.read_bytes()
    scores.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    result = unpacked.run(*verify)
    scores.write_bytes(before)
    assert result.returncode == 1 and f"{SCORES}: was changed after it was made" in result.stdout


def test_a_crate_is_released_where_its_code_is_not_run_and_audited_there(unpacked, fresh):
    """In a copy of the project with another version of a module, and of the crate one that would do harm if it ran."""
    crate, harmful = unpacked.folder.parent / "run.zip", unpacked.folder.parent / "harmful.zip"
    with zipfile.ZipFile(crate) as old, zipfile.ZipFile(harmful, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            is_code = name.endswith("ood/audit/chain.py") or name.startswith("notebooks/")
            new.writestr(name, "raise SystemExit('harm')" if is_code else old.read(name))
    fresh.edit("workflow/ood/evaluate.py", '"""All metrics', '"""Each of the metrics')
    result = fresh.run("python", "-m", "ood.audit", "release", str(harmful), "digits")
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(
        r"^a  .*: all as recorded\nb  .*: all as recorded\nkept as results/released/digits.zip$", result.stdout, re.M
    )
    again = fresh.run("python", "-m", "ood.audit", "release", str(crate), "digits")
    assert again.returncode != 0 and "results/released/digits.zip exists" in again.stderr
    assert fresh.run("python", "-m", "ood.prune").stdout.startswith("0 files and states")


def test_a_crate_that_is_not_as_its_records_say_is_not_released(unpacked, fresh, tmp_path):
    crate = tmp_path / "changed.zip"
    with zipfile.ZipFile(unpacked.folder.parent / "run.zip") as old, zipfile.ZipFile(crate, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content[:-1] + bytes([content[-1] ^ 1]) if name == SCORES else content)
    result = fresh.run("python", "-m", "ood.audit", "release", str(crate), "changed")
    assert result.returncode != 0 and f"{SCORES}: was changed after it was made" in result.stderr
    assert not (fresh.folder / "results/released").exists()
