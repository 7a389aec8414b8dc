"""A run as a crate: it conforms to the profile, and what is unpacked from it elsewhere can be verified."""

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from contextlib import chdir
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from project import Project
from rocrate_validator.models import Severity
from rocrate_validator.services import validate
from rocrate_validator.utils.http import HttpRequester

from ood import ledger
from ood.audit import chain, numbers, released
from ood.audit.marks import marks
from ood.records import CRATE, Records, left_out

# The context of RO-Crate 1.1 without a network: that of 1.3, which comes with rocrate, but for the terms of Bioschemas.
CONTEXT = json.loads(files("rocrate").joinpath("data/ro-crate.jsonld").read_text())
SCORES = "results/scores/digits/seed0/msp.parquet"
MODULE = "workflow/ood/audit/chain.py"  # no result is made with it
BIOSCHEMAS = "https://bioschemas.org/"
CONTEXT["@context"] |= {name: BIOSCHEMAS + name for name in ("ComputationalWorkflow", "FormalParameter")}


def exported(finished: Project, folder: Path, *options: str) -> Project:
    """The finished run's crate in a folder that is made for it."""
    folder /= "new"
    result = finished.run("python", "-m", "ood.audit", "export", str(folder / "run.zip"), "demo", *options)
    assert result.returncode == 0, result.stderr
    zipfile.ZipFile(folder / "run.zip").extractall(folder / "crate")
    return Project(folder / "crate")


@pytest.fixture(scope="module")
def unpacked(finished, tmp_path_factory) -> Project:
    """Without images and weights."""
    return exported(finished, tmp_path_factory.mktemp("unpacked"))


@pytest.fixture(scope="module")
def small(finished, tmp_path_factory) -> Project:
    """Without scores too."""
    return exported(finished, tmp_path_factory.mktemp("small"), "--content", "numbers")


@pytest.fixture
def inside(small, tmp_path, monkeypatch) -> Path:
    """A copy of the small one, to be changed, and the working directory."""
    shutil.copytree(small.folder, tmp_path / "crate")
    monkeypatch.chdir(tmp_path / "crate")
    monkeypatch.setenv("PYTHONPATH", "workflow")  # of notebooks' kernels
    return tmp_path / "crate"


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
    assert (
        job["instrument"] == {"@id": "#ood.evaluation.score"}
        and entities[job["object"][-1]["@id"]]["name"] == "parameters"
    )
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
    harm = "raise SystemExit('harm')"
    with zipfile.ZipFile(crate) as old, zipfile.ZipFile(harmful, "w", zipfile.ZIP_DEFLATED) as new:
        metadata = json.loads(old.read(str(CRATE)))
        for entity in metadata["@graph"]:
            if entity["@id"] == MODULE:
                entity["sha256"] = hashlib.sha256(harm.encode()).hexdigest()
        changed = {MODULE: harm, str(CRATE): json.dumps(metadata)}
        for name in old.namelist():
            new.writestr(name, changed.get(name) or old.read(name))
    fresh.edit("workflow/ood/evaluation/evaluate.py", '"""All metrics', '"""Each of the metrics')
    result = fresh.run("python", "-m", "ood.audit", "release", str(harmful), "digits")
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(
        r"^a  .*: all as recorded\nb  .*: all as recorded\ncrate  [\d,]+ numbers in its metadata: all as recorded\n"
        r"kept as results/released/digits.zip$",
        result.stdout,
        re.M,
    )
    again = fresh.run("python", "-m", "ood.audit", "release", str(crate), "digits")
    assert again.returncode != 0 and "results/released/digits.zip exists" in again.stderr
    assert fresh.run("python", "-m", "ood.jobs.prune").stdout.startswith("0 files and states")


def test_a_crate_that_is_not_as_its_records_say_is_not_released(unpacked, fresh, tmp_path):
    crate = tmp_path / "changed.zip"
    with zipfile.ZipFile(unpacked.folder.parent / "run.zip") as old, zipfile.ZipFile(crate, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content[:-1] + bytes([content[-1] ^ 1]) if name == SCORES else content)
    result = fresh.run("python", "-m", "ood.audit", "release", str(crate), "changed")
    assert result.returncode != 0 and f"{SCORES}: is not what the crate's metadata say" in result.stderr
    assert not (fresh.folder / "results/released").exists()


def test_a_crate_whose_metadata_have_other_numbers_than_its_tables_is_not_released(small, fresh, tmp_path):
    crate, cell = tmp_path / "changed.zip", "#cell/HEADLINE/msp/digits%20average%20AUROC"
    with zipfile.ZipFile(small.folder.parent / "run.zip") as old, zipfile.ZipFile(crate, "w") as new:
        about = json.loads(old.read(str(CRATE)))
        next(entity for entity in about["@graph"] if entity["@id"] == cell)["value"] = "99.99"
        for name in old.namelist():
            new.writestr(name, json.dumps(about) if name == str(CRATE) else old.read(name))
    result = fresh.run("python", "-m", "ood.audit", "release", str(crate), "changed")
    assert result.returncode != 0 and f"{cell} is not as in the tables" in result.stderr, result.stdout + result.stderr
    assert not list((fresh.folder / "results").glob("released/*"))


def test_a_crate_with_other_code_than_its_records_say_is_not_released(unpacked, fresh, tmp_path):
    crate = tmp_path / "other.zip"
    with zipfile.ZipFile(unpacked.folder.parent / "run.zip") as old, zipfile.ZipFile(crate, "w") as new:
        for name in old.namelist():
            new.writestr(name, "raise SystemExit('harm')" if name == "notebooks/rg.py" else old.read(name))
    result = fresh.run("python", "-m", "ood.audit", "release", str(crate), "other")
    assert result.returncode != 0 and "notebooks/rg.py: was edited since" in result.stderr
    assert "harm" not in result.stdout + result.stderr


def test_a_crate_whose_record_names_code_of_its_own_is_not_run(unpacked, fresh, tmp_path):
    """A notebook among the results, and the records of its artifacts rewritten as if these were made with it."""
    harm, crate = tmp_path / "harm", tmp_path / "named.zip"
    notebook = f"open({str(harm)!r}, 'w').write('harm')"
    source = "results/rg.py"
    with zipfile.ZipFile(unpacked.folder.parent / "run.zip") as old, zipfile.ZipFile(crate, "w") as new:
        new.writestr(source, notebook)
        for name in old.namelist():
            content = old.read(name)
            if name.endswith(ledger.SUFFIX) and json.loads(content)["step"] == "ood.appendix.notebook":
                record = json.loads(content)
                for given in record["inputs"]:
                    if given["path"] == "notebooks/rg.py":
                        given |= {"path": source, "sha256": hashlib.sha256(notebook.encode()).hexdigest()}
                record["id"] = ledger.identity(record)
                content = json.dumps(record | {"seal": ledger.seal(record)}).encode()
            new.writestr(name, content)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with chdir(fresh.folder):
        released.unpack(crate, elsewhere)
    result = Project(elsewhere).run("python", "-m", "ood.audit", "verify", "--levels", "b", "--elsewhere")
    said = f"is not made again: its input '{source}' (source) is not one of this project's own files"
    assert result.returncode == 1 and said in result.stdout, result.stdout + result.stderr
    assert not harm.exists()


def test_of_a_small_crate_scores_are_there_by_their_digests(small, finished):
    absent, results = left_out(small.folder), finished.folder / "results"
    scores = {str(path.relative_to(finished.folder)) for path in results.rglob("scores/**/*.parquet")}
    assert scores and scores <= absent.keys()
    assert not any((small.folder / path).exists() for path in absent)
    assert not [path for path in absent if path.startswith(("results/metrics", "results/cells", "results/summaries"))]


def test_a_small_crate_is_released_and_says_what_was_not_done_again(small, fresh):
    """Done again: admission, cells, verdicts, notebooks, networks; not: 18 metrics, summaries, disjoint images."""
    result = fresh.run("python", "-m", "ood.audit", "release", str(small.folder.parent / "run.zip"), "numbers")
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"run.zip, content numbers: \d+ files by their digests only$", result.stdout, re.M)
    done = "8 jobs after the scores done again, 20 not: what they read is not in the crate, for instance"
    assert re.search(rf"^b  {done} results/scores/digits/seed0/\w+.parquet; .*: all as recorded$", result.stdout, re.M)


def test_without_scores_a_changed_metric_shows_in_the_cells(inside):
    path = "results/metrics/digits/msp.parquet"
    metrics = pd.read_parquet(path)
    metrics.loc[0, "mean"] += 1e-6
    metrics.to_parquet(path)
    (found,) = numbers._again(Records.load(), "results/cells/digits.parquet")
    assert found.file == "results/cells/digits.parquet" and "column mean" in found.what


def test_without_scores_a_changed_digit_shows_in_table_and_pdf(inside):
    table, pdf = "results/editions/demo/artifacts/overview/HEADLINE.digits.csv", "results/editions/demo/appendix.pdf"
    text = Path(table).read_text()
    line = next(line for line in text.splitlines() if line.startswith("HEADLINE/msp/digits letters AUROC,"))
    digit = re.search(r"(\d)\.\d\d", line)
    changed = line[: digit.start(1)] + str((int(digit[1]) + 1) % 10) + line[digit.end(1) :]
    Path(table).write_text(text.replace(line, changed))
    records = Records.load()
    assert [one.file for one in numbers._again(records, table)] == [table]
    if pdf in records:
        (found,) = numbers.typeset(records[pdf], marks(Path(pdf)))
        assert "ours of HEADLINE/msp/digits letters AUROC" in found.what


def relabel(change: Callable[[list[dict]], object]) -> None:
    """Change the entities of a crate's metadata."""
    about = json.loads(CRATE.read_text())
    change(about["@graph"])
    CRATE.write_text(json.dumps(about))


def test_another_digest_of_what_is_left_out_is_found(inside):
    records = Records.load()
    assert [*chain.outputs(records), *chain.left_out(records), *chain.inputs(records)] == []
    relabel(lambda graph: next(one for one in graph if one.get("name") == SCORES).update(sha256="0" * 64))
    found = [*chain.outputs(Records.load())]
    assert [one.file for one in found] == [SCORES] and found[0].found == "0" * 12


def test_what_no_crate_leaves_out_must_be_there(inside):
    """Neither missing metrics nor missing metrics that the crate names are passed over."""
    path = "results/metrics/digits/msp.parquet"
    Path(path).unlink()
    assert "is missing" in next(iter(chain.outputs(Records.load()))).what
    (found,) = numbers._again(Records.load(), "results/cells/digits.parquet")
    assert "cannot be made again" in found.what
    relabel(lambda graph: next(one for one in graph if one.get("name") == path).update({"@id": "hash://sha256/0"}))
    assert [one.file for one in chain.left_out(Records.load())] == [path]
