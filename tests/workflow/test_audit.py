"""Level (a) of the audit: nothing is found where nothing was changed, and every fault where it was planted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from forging import (
    ARTIFACTS,
    METRICS,
    PDF,
    SCORES,
    TABLE,
    edit,
    forge,
    level_a,
    put,
    record,
    replace,
    set_value,
    swap,
    turn,
)
from project import Project

from ood import closure, ledger

FIGURE = f"{ARTIFACTS}/gaia/GAIA-S-F3.digits"


def image(path: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    images = change(np.load(path))
    Path(path).unlink()
    np.save(path, images)


def shuffle_labels(path: str) -> None:
    edit(path, lambda frame: frame.__setitem__("label", np.roll(frame["label"].to_numpy(), 1)))


def one_score(frame: pd.DataFrame) -> None:
    frame.loc[7, "msp"] += 1e-6


# Each: the fault, what plants it, the file that must be named, and what must be said of it.
FAULTS: dict[str, tuple[Callable, str, str]] = {
    "a digit of a table": (lambda: turn(f"{TABLE}.csv"), f"{TABLE}.csv", "was changed"),
    "a digit of a caption": (lambda: turn(f"{FIGURE}.csv"), f"{FIGURE}.csv", "was changed"),
    "a digit of a table for browsers": (lambda: turn(f"{TABLE}.html"), f"{TABLE}.html", "was changed"),
    "another cell in a table's layout": (
        lambda: replace(f"{TABLE}.tex", "q=0.5/digits letters", "q=1/digits letters"),
        f"{TABLE}.tex",
        "was changed",
    ),
    "a byte of the PDF": (lambda: put(PDF, Path(PDF).read_bytes() + b"\n"), PDF, "was changed"),
    "a metric": (
        lambda: set_value(METRICS.format("msp"), "mean", lambda x: x + 1e-9, metric="AUROC"),
        METRICS.format("msp"),
        "was changed",
    ),
    "one score": (lambda: edit(SCORES.format("msp"), one_score), SCORES.format("msp"), "was changed"),
    "two score files swapped": (
        lambda: swap(SCORES.format("msp"), SCORES.format("energy"), records=False),
        SCORES.format("energy"),
        "was changed",
    ),
    "two score files swapped with their records": (
        lambda: swap(SCORES.format("msp"), SCORES.format("energy"), records=True),
        SCORES.format("energy") + ledger.SUFFIX,
        "is the record of another file",
    ),
    "two score files swapped, their records rewritten": (
        lambda: (
            swap(SCORES.format("msp"), SCORES.format("energy"), records=False),
            forge(SCORES.format("msp")),
            forge(SCORES.format("energy")),
        ),
        SCORES.format("energy"),
        "is not what",
    ),
    "seeds renamed in a metrics file": (
        lambda: edit(METRICS.format("knn"), lambda frame: frame.__setitem__("seeds", [np.array([1])] * len(frame))),
        METRICS.format("knn"),
        "was changed",
    ),
    "a checkpoint replaced": (
        lambda: put("results/checkpoints/digits/seed0/model.safetensors", b"other"),
        "results/checkpoints/digits/seed0/model.safetensors",
        "was changed",
    ),
    "a checkpoint replaced, its record rewritten": (
        lambda: (
            put("results/checkpoints/digits/seed0/model.safetensors", b"other"),
            forge("results/checkpoints/digits/seed0/model.safetensors"),
        ),
        "results/checkpoints/digits/seed0/model.safetensors",
        "is not what results/attributions/digits/seed0/digits.safetensors and",
    ),
    "an out-of-distribution image replaced": (
        lambda: image("results/data/letters/images.npy", lambda images: np.r_[images[1:2], images[1:]]),
        "results/data/letters/images.npy",
        "was changed",
    ),
    "images in another order": (
        lambda: image("results/data/faces/images.npy", lambda images: images[::-1]),
        "results/data/faces/images.npy",
        "was changed",
    ),
    "labels permuted": (
        lambda: shuffle_labels("results/data/digits/index.parquet"),
        "results/data/digits/index.parquet",
        "was changed",
    ),
    "labels permuted, the record rewritten": (
        lambda: (shuffle_labels("results/data/digits/index.parquet"), forge("results/data/digits/index.parquet")),
        "results/data/digits/index.parquet",
        "made from: sha256",
    ),
    "a dataset's card": (
        lambda: turn("results/data/letters/card.json"),
        "results/data/letters/card.json",
        "was changed",
    ),
    "a network's card": (
        lambda: turn("results/checkpoints/digits/seed0/card.json"),
        "results/checkpoints/digits/seed0/card.json",
        "was changed",
    ),
    "an admission": (
        lambda: put("results/checkpoints/digits/seed0/accepted.json", '{"test_accuracy": 0.99}\n'),
        "results/checkpoints/digits/seed0/accepted.json",
        "was changed",
    ),
    "a verdict": (
        lambda: set_value("results/claims/digits.parquet", "verdict", lambda was: f"not {was}", paper="RG"),
        "results/claims/digits.parquet",
        "was changed",
    ),
    "a score file cut short": (
        lambda: put(SCORES.format("rg"), Path(SCORES.format("rg")).read_bytes()[:1000]),
        SCORES.format("rg"),
        "was changed",
    ),
    "a file deleted": (lambda: Path(METRICS.format("mos")).unlink(), METRICS.format("mos"), "is missing"),
    "a file from nowhere": (lambda: put(METRICS.format("own"), b"x"), METRICS.format("own"), "has no record"),
    "a record's host": (
        lambda: record(METRICS.format("msp"), lambda known: known.update(host="elsewhere")),
        METRICS.format("msp") + ledger.SUFFIX,
        "its seal",
    ),
    "a record's parameters, sealed again": (
        lambda: record(METRICS.format("msp"), lambda known: known["spec"].update(seeds=[1]), seal=True),
        METRICS.format("msp") + ledger.SUFFIX,
        "its id",
    ),
    "a record's parameters, with another id and seal": (
        lambda: record(METRICS.format("msp"), lambda known: known["spec"].update(seeds=[1]), True, True),
        METRICS.format("msp"),
        "does not have the record that results/cells/digits.parquet and 1 more were made from: id",
    ),
    "a record's code, with another id and seal": (
        lambda: record(
            SCORES.format("rg"),
            lambda known: known["code"]["modules"].update({"ood.evaluation.metrics": "0" * 64}),
            True,
            True,
        ),
        SCORES.format("rg"),
        "were made from: id",
    ),
    "a record deleted": (
        lambda: Path(METRICS.format("msp") + ledger.SUFFIX).unlink(),
        METRICS.format("msp"),
        "has no record",
    ),
    "a record of another schema": (
        lambda: record(METRICS.format("msp"), lambda known: known.update(schema=1), True, True),
        METRICS.format("msp") + ledger.SUFFIX,
        "is not a record (schema",
    ),
    "a record with a note": (
        lambda: record(METRICS.format("msp"), lambda known: known.update(note="fine"), True, True),
        METRICS.format("msp") + ledger.SUFFIX,
        "is not a record (note",
    ),
    "a record cut short": (
        lambda: put(METRICS.format("msp") + ledger.SUFFIX, '{"schema": 2'),
        METRICS.format("msp") + ledger.SUFFIX,
        "is not a record (not JSON",
    ),
    "a cell table of another run": (
        lambda: (
            set_value("results/cells/digits.parquet", "mean", lambda x: x / 2, metric="AUROC"),
            forge("results/cells/digits.parquet"),
        ),
        "results/cells/digits.parquet",
        "is not what results/editions/demo/artifacts/gaia/",
    ),
    "a table newer than the PDF": (
        lambda: (turn(f"{TABLE}.csv"), forge(f"{TABLE}.csv")),
        f"{TABLE}.csv",
        f"is not what {PDF} and",
    ),
    "a detector edited": (
        lambda: replace("workflow/ood/detectors/rg.py", '"""', '"""Edited. '),
        "workflow/ood/detectors/rg.py",
        "was edited since results/editions/demo/lineage/",
    ),
    "a helper edited": (
        lambda: replace("workflow/ood/evaluation/statistics.py", '"""', '"""Edited. '),
        "workflow/ood/evaluation/statistics.py",
        "stale now",
    ),
    "a notebook edited": (lambda: replace("notebooks/rg.py", "# # RG", "# # Other"), "notebooks/rg.py", "stale now"),
    "the lock": (
        lambda: put(closure.LOCK, closure.LOCK.read_text() + "\n"),
        str(closure.LOCK),
        "stale now",
    ),
    "a printed number": (
        lambda: turn("paper/published/rg_table1.csv"),
        "paper/published/rg_table1.csv",
        "more were made from: sha256",
    ),
    "a claim": (
        lambda: replace("paper/claims.yaml", "auroc(rg)", "auroc(gradnorm)"),
        "paper/claims.yaml",
        "is not what results/claims/digits.parquet and",
    ),
    "the appendix's text": (
        lambda: replace("paper/sections/rg.tex", "R", "Q"),
        "paper/sections/rg.tex",
        f"is not what {PDF} was made from",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_named(run, fault):
    plant, file, said = FAULTS[fault]
    if PDF in file + said and not Path(PDF).is_file():
        pytest.skip("there is no LaTeX here")
    plant()
    found = level_a()
    assert any(one.file == file and said in str(one) for one in found), "\n".join(map(str, found))


def test_nothing_is_found_after_a_run_nor_with_other_times(run):
    assert level_a() == []
    for path in Path("results").rglob("*.parquet"):
        put(path, path.read_bytes())
    assert level_a() == []


def test_a_whole_run_in_another_folder_is_as_recorded(project):
    """The command; level (b) of a run in another folder is part of what releasing one is (test_crate)."""
    moved = project.folder.rename(project.folder.with_name("moved"))
    result = Project(moved).run("python", "-m", "ood.audit", "verify", "demo", "--levels", "a")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith("a  ") and result.stdout.endswith(" digests: all as recorded\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda config: config["bootstrap"].update(draws=21), "parameter.bootstrap.draws 20 -> 21"),
        (lambda config: config["benchmarks"]["digits"]["ood"].remove("faces"), "parameter.datasets without faces"),
        (lambda config: config["detectors"].pop("knn"), "input without results/metrics/digits/knn.parquet"),
        (lambda config: config["recipes"]["digits"].update(accuracy=[0.0, 1.0]), "parameter.band"),
    ],
)
def test_another_configuration_makes_stale(project, change, said):
    project.configure(change)
    result = project.run("python", "-m", "ood.audit", "verify", "demo", "--levels", "a")
    assert result.returncode == 1 and said in result.stdout, result.stdout + result.stderr
