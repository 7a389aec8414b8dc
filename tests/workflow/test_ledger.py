"""Every output has a record, and the record is true."""

import json
import subprocess
from pathlib import Path

from ood import closure, ledger


def outputs(folder: Path) -> list[Path]:
    """Files that a rule declares as output, by Snakemake's own account."""
    return [
        path
        for path in (folder / "results").rglob("*")
        if path.is_file()
        and path.relative_to(folder / "results").parts[0] not in ("logs", "benchmarks", ".partial", ".state")
        and not path.name.endswith((".record.json", ".lock"))
    ]


def test_every_output_has_a_true_record(finished):
    found = outputs(finished.folder)
    assert len(found) > 60
    for path in found:
        record = json.loads(ledger.record_path(path).read_text())
        del record["output"]["argument"]
        assert record["output"] == {
            "path": str(path.relative_to(finished.folder)),
            "sha256": ledger.sha256(path),
            "bytes": path.stat().st_size,
        }
        for source in record["inputs"]:
            assert ledger.sha256(finished.folder / source["path"]) == source["sha256"], (path, source)


def test_a_record_says_how_and_where(finished):
    record = json.loads((finished.folder / "results/scores/digits/seed0/gaia_a.parquet.record.json").read_text())
    assert record["spec"]["detector"] == "gaia_a"
    assert {"ood.evaluation.score", "ood.detectors.gaia_a", "ood.passes.layers"} <= set(record["code"]["modules"])
    assert "ood.detectors.gaia_z" not in record["code"]["modules"]
    assert record["lock"] == ledger.sha256(finished.folder / closure.LOCK)
    assert record["versions"]["python"].count(".") == 2
    assert record["seconds"] > 0 and record["peak_memory_mb"] > 10
    assert record["host"] and record["cpu"] and record["started"].endswith("+00:00")


def test_commit_and_dirty_tree_are_recorded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    (tmp_path / "envs").mkdir()
    (tmp_path / closure.LOCK).write_text("")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    facts = ledger.Job("ood.data.prepare", ("ood.data.prepare",), {}, {}).facts
    assert (facts["commit"], facts["dirty"]) == (head, False)
    (tmp_path / closure.LOCK).write_text("changed")
    assert ledger.Job("ood.data.prepare", ("ood.data.prepare",), {}, {}).facts["dirty"] is True


def test_printed_numbers_are_those_of_the_cells(finished):
    """The first table, recomputed from the per-seed values in the cells."""
    import pandas as pd

    cells = pd.read_parquet(finished.folder / "results/cells/digits.parquet")
    table = pd.read_csv(finished.folder / "results/editions/demo/artifacts/overview/HEADLINE.digits.csv", dtype=str)
    for row in table.dropna(subset="cell").itertuples():  # the others stand in the foot
        benchmark, detector, variant, dataset, metric = row.cell.split("/")
        keys = {"detector": detector, "variant": variant, "dataset": dataset, "metric": metric}
        cell = cells.loc[(cells[list(keys)] == pd.Series(keys)).all(axis=1)].iloc[0]
        assert row.ours.split(" ± ")[0] == f"{100 * sum(cell['values']) / len(cell['values']):.2f}"
