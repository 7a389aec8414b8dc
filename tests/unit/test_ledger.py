"""Records: their canonical form, what their id depends on, and what is refused."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from ood import ledger
from ood.closure import LOCK
from ood.errors import Problem
from ood.records import Records, parsed

FACTS = {"commit": "abc", "dirty": False, "host": "one", "cpu": "x", "slurm_job": None}
FACTS |= {"started": "2026-01-01T00:00:00+00:00"}


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Returns a function that writes an output with its record, as a job of a step would."""
    monkeypatch.chdir(tmp_path)
    LOCK.parent.mkdir()
    LOCK.write_text("")

    def make(path: str, text: str, inputs: tuple[str, ...] = (), spec: object = None, **facts) -> dict:
        made = ledger.Job("ood.data.prepare", ("ood.errors",), spec, {"files": [Path(one) for one in inputs]})
        made.facts |= FACTS | facts
        Path("draft").write_text(text)
        made.publish(Path("draft"), Path(path), "images")
        return ledger.read(Path(path))

    return make


def test_the_canonical_form_is_sorted_and_without_spaces():
    value = {"b": [1, 0.1, 1e-9, None], "a": {"z": True, "ü": "x"}}
    canonical = '{"a":{"z":true,"\\u00fc":"x"},"b":[1,0.1,1e-09,null]}'
    assert ledger.fingerprint(value) == hashlib.sha256(canonical.encode()).hexdigest()
    with pytest.raises(ValueError):
        ledger.fingerprint(float("nan"))


def test_the_same_work_has_the_same_id_wherever_and_whenever(job):
    one = job("results/a", "text", spec={"rate": 5e-4})
    other = job("results/a", "text", spec={"rate": 0.0005}, host="two", started="2027", commit="other", slurm_job="7")
    assert one["id"] == other["id"] and one["seal"] != other["seal"]


FACTS_THAT_COUNT = {"step": "ood.data.pack", "code": {"digest": "0", "modules": {}}, "lock": "0"}


@pytest.mark.parametrize("change", ["text", "path", "spec", "input", "input's spec", "schema", *FACTS_THAT_COUNT])
def test_the_id_depends_on_all_that_determines_the_output(job, monkeypatch, change):
    job("results/in", "given", spec=1)
    before = job("results/a", "text", ("results/in",), spec=1)["id"]
    if change == "schema":
        monkeypatch.setattr(ledger, "SCHEMA", ledger.SCHEMA + 1)
    job("results/in", "other" if change == "input" else "given", spec=2 if change == "input's spec" else 1)
    path = "results/b" if change == "path" else "results/a"
    spec = 2 if change == "spec" else 1
    facts = {name: value for name, value in FACTS_THAT_COUNT.items() if name == change}
    after = job(path, "other" if change == "text" else "text", ("results/in",), spec, **facts)["id"]
    assert before != after


def test_a_job_leaves_the_users_index_alone(tmp_path, monkeypatch):
    """``git status`` writes it anew when a file's times have changed; the user's own commit finds it locked then."""
    monkeypatch.chdir(tmp_path)
    LOCK.parent.mkdir()
    LOCK.write_text("")
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], check=True)
    os.utime(LOCK, (1, 1))
    before = Path(".git/index").stat()
    assert ledger.Job("ood.data.prepare", ("ood.errors",), {}, {}).facts["dirty"] is True  # it is not committed
    after = Path(".git/index").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_an_input_is_given_with_its_records_id(job):
    given = job("results/in", "given")
    record = job("results/a", "text", ("results/in",))
    sha256 = hashlib.sha256(b"given").hexdigest()
    assert record["inputs"] == [{"argument": "files", "path": "results/in", "sha256": sha256, "record": given["id"]}]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda record: record.update(host="two"), "was edited"),
        (lambda record: record.update(host="two", seal=ledger.seal(record | {"host": "two"})), None),
        (lambda record: record.update(spec=2, seal=ledger.seal(record | {"spec": 2})), "was edited"),
        (lambda record: record.update(schema=1), "is no record of schema 2"),
        (lambda record: record.pop("id"), "was edited"),
    ],
)
def test_a_damaged_record_is_refused_with_the_remedy(job, damage, said):
    record = job("results/a", "text")
    damage(record)
    ledger.record_path(Path("results/a")).write_text(json.dumps(record))
    if said is None:  # sealed again, and nothing that determines the output was touched
        assert ledger.read(Path("results/a"))["host"] == "two"
        return
    with pytest.raises(Problem, match=f"{said}.*Delete it and run again"):
        ledger.read(Path("results/a"))


def test_what_is_written_is_what_the_audit_reads(job):
    job("results/in", "given")
    record = job("results/a", "text", ("results/in",), spec={"x": [1, 2.5]})
    raw, read = parsed(Path("results/a.record.json"))
    assert raw == record and read.id == record["id"] and read.arguments() == {"files": ["results/in"]}
    records = Records.load()
    assert records.upstream(["results/a"]) == ["results/a", "results/in"]
    assert records.consumers == {"results/in": ["results/a"]}


def test_a_record_with_an_unknown_or_missing_key_is_none(job):
    record = job("results/a", "text")
    path = ledger.record_path(Path("results/a"))
    for broken in (record | {"note": "x"}, {name: value for name, value in record.items() if name != "lock"}):
        path.write_text(json.dumps(broken))
        with pytest.raises(Problem, match="^(note|lock): "):
            parsed(path)


def test_a_library_that_is_not_there_has_no_version(job, monkeypatch):
    """A job that was not started by Snakemake runs where there may be none."""
    monkeypatch.setattr(ledger, "LIBRARIES", ("numpy", "no-such-library"))
    assert set(job("made", "text")["versions"]) == {"python", "numpy"}
