"""The audit of a finished run: nothing is found where nothing was changed, and every fault where it was planted.

A fault is planted into a tree of hard links, so it must put new files in the place of old ones (``put``). Where the
forger also rewrites records, he does it as well as it can be done: digests, ids and seals.
"""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from project import Project
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ContentStream, NameObject
from sklearn.metrics import roc_auc_score

from ood import closure, ledger
from ood.artifacts.anchors import anchor
from ood.audit import chain, numbers, rerun
from ood.audit.lineage import find
from ood.audit.marks import marks
from ood.audit.show import show
from ood.errors import Problem
from ood.records import Records

SCORES = "results/scores/digits/seed0/{}.parquet"
METRICS = "results/metrics/digits/{}.parquet"
ARTIFACTS = "results/editions/demo/artifacts"
TABLE = f"{ARTIFACTS}/gaia/GAIA-S-T3.digits"
FIGURE = f"{ARTIFACTS}/gaia/GAIA-S-F3.digits"
PDF = "results/editions/demo/appendix.pdf"
CELL = "GAIA-S-T3/q=0.5/digits letters AUROC"


@pytest.fixture
def run(finished, tmp_path, monkeypatch) -> Path:
    """The finished run as hard links, and the working directory."""
    folder = tmp_path / "run"
    shutil.copytree(
        finished.folder, folder, copy_function=os.link, ignore=shutil.ignore_patterns(".snakemake", "tests")
    )
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", "workflow")  # of notebooks' kernels
    monkeypatch.setattr(closure, "PACKAGE", folder / "workflow/ood")
    return folder


def put(path: str | Path, content: bytes | str) -> None:
    """New content, in a new file: the old one is a link to the finished run's."""
    Path(path).unlink(missing_ok=True)
    Path(path).write_bytes(content.encode() if isinstance(content, str) else content)


def replace(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text and old != new, f"{path} does not hold {old!r}"
    put(path, text.replace(old, new, 1))


def turn(path: str) -> None:
    """Another last digit in the middle of a table."""
    lines = Path(path).read_text().splitlines(keepends=True)
    place = next(k for k, line in enumerate(lines) if any(sign.isdigit() for sign in line) and k > len(lines) // 2)
    digit = max(k for k, sign in enumerate(lines[place]) if sign.isdigit())
    lines[place] = lines[place][:digit] + str((int(lines[place][digit]) + 1) % 10) + lines[place][digit + 1 :]
    put(path, "".join(lines))


def edit(path: str, change: Callable[[pd.DataFrame], object]) -> None:
    """Change the table of a parquet file; its schema and metadata are kept."""
    table = pq.read_table(path)
    frame = table.to_pandas()
    change(frame)
    Path(path).unlink()
    pq.write_table(pa.Table.from_pandas(frame, schema=table.schema, preserve_index=False), path)


def swap(one: str, other: str, records: bool) -> None:
    for ending in ("", ledger.SUFFIX) if records else ("",):
        first, second = Path(one + ending).read_bytes(), Path(other + ending).read_bytes()
        put(one + ending, second)
        put(other + ending, first)


def raw(path: str) -> dict:
    return json.loads(Path(path + ledger.SUFFIX).read_text())


def record(path: str, change: Callable[[dict], object], identity: bool = False, seal: bool = False) -> None:
    """Edit a record, and then its id and its seal if asked to."""
    known = raw(path)
    change(known)
    if identity:
        known["id"] = ledger.identity(known)
    if seal:
        known["seal"] = ledger.seal(known)
    put(path + ledger.SUFFIX, json.dumps(known, indent=1, sort_keys=True) + "\n")


def forge(path: str, after: bool = False) -> None:
    """Rewrite a file's record to fit it, and with ``after`` those of all that was made from it, one after another."""

    record(path, lambda known: (_fit_output(known, path), _fit_inputs(known)), identity=True, seal=True)
    if after:
        consumers, order = Records.load().consumers, []

        def visit(made: str) -> None:
            for consumer in consumers.get(made, []):
                visit(consumer)
            if made not in order:
                order.append(made)

        visit(path)
        for made in reversed(order[:-1]):
            record(made, _fit_inputs, identity=True, seal=True)


def _fit_output(known: dict, path: str) -> None:
    known["output"] |= {"path": path, "sha256": ledger.sha256(Path(path)), "bytes": Path(path).stat().st_size}


def _fit_inputs(known: dict) -> None:
    for given in known["inputs"]:
        given["sha256"] = ledger.sha256(Path(given["path"]))
        if "record" in given:
            given["record"] = raw(given["path"])["id"]


def set_value(path: str, column: str, value: Callable, **row: str) -> None:
    """Another value in one row of a table of metrics."""

    def change(frame: pd.DataFrame) -> None:
        place = (frame[list(row)].astype(str) == pd.Series(row)).all(axis=1).to_numpy().argmax()
        frame.at[place, column] = value(frame.at[place, column])

    edit(path, change)


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


def level_a() -> list:
    records = Records.load()
    return [*chain.sealed(records), *chain.outputs(records), *chain.inputs(records), *chain.sources(records)]


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


def convention(frame: pd.DataFrame) -> None:
    """FPR95 by the convention of GAIA's code under the project's name."""
    keys = ["variant", "dataset"]
    other = frame[frame["metric"] == "FPR95_gaia"].set_index(keys)[["values", "mean"]]
    for row in frame.index[frame["metric"] == "FPR95"]:
        values, mean = other.loc[tuple(frame.loc[row, keys])]
        frame.at[row, "values"], frame.at[row, "mean"] = list(values), mean


def sides(frame: pd.DataFrame) -> None:
    """In- and out-of-distribution images change places, at equal numbers."""
    names = frame["dataset"].astype(str)
    first, second = names.index[names == "digits"][:50], names.index[names == "letters"][:50]
    one, other = frame.loc[first, "msp"].to_numpy(), frame.loc[second, "msp"].to_numpy()
    frame.loc[first, "msp"], frame.loc[second, "msp"] = other, one


# Faults whose records were all rewritten, so that level (a) finds none: what is made again, and what must be said.
FORGERIES: dict[str, tuple[str, Callable, str, str]] = {
    "a metric": (
        METRICS.format("msp"),
        lambda path: set_value(path, "mean", lambda x: x + 1e-6, metric="AUROC", dataset="faces"),
        METRICS.format("msp"),
        "msp faces AUROC), column mean",
    ),
    "another convention of FPR95": (
        METRICS.format("gaia_a"),
        lambda path: edit(path, convention),
        METRICS.format("gaia_a"),
        "FPR95), column values",
    ),
    "other seeds": (
        METRICS.format("msp"),
        lambda path: edit(path, lambda frame: frame.__setitem__("seeds", [np.array([3])] * len(frame))),
        METRICS.format("msp"),
        "column seeds",
    ),
    "an interval": (
        METRICS.format("msp"),
        lambda path: set_value(path, "low", lambda x: x + 0.01, metric="AUROC", dataset="faces"),
        METRICS.format("msp"),
        "msp faces AUROC), column low",
    ),
    "scores on the other side": (
        SCORES.format("msp"),
        lambda path: edit(path, sides),
        METRICS.format("msp"),
        "column values",
    ),
    "a cell": (
        "results/cells/digits.parquet",
        lambda path: set_value(path, "mean", lambda x: 1 - x, detector="rg", metric="AUROC"),
        "results/cells/digits.parquet",
        "column mean",
    ),
    "an accuracy": (
        "results/cells/digits.parquet",
        lambda path: set_value(path, "mean", lambda x: 0.999, detector="network"),
        "results/cells/digits.parquet",
        "(digits network train digits accuracy), column mean",
    ),
    "a verdict": (
        "results/claims/digits.parquet",
        lambda path: set_value(path, "verdict", lambda _: "holds", id="RG-T1.1"),
        "results/claims/digits.parquet",
        "column verdict",
    ),
}


@pytest.mark.parametrize("fault", FORGERIES)
def test_what_was_rewritten_with_all_its_records_is_made_again(run, fault):
    path, plant, wrong, said = FORGERIES[fault]
    plant(path)
    forge(path, after=True)
    assert level_a() == []
    found = numbers._again(Records.load(), wrong)
    assert any(one.file == wrong and said in str(one) for one in found), "\n".join(map(str, found))


@pytest.mark.parametrize("page", ["ACROSS", "HEADLINE.digits"])
def test_a_lineage_page_names_all_that_it_shows(run, page):
    """Lines of the printed cells, sentences of the claims and of the detectors' docstrings."""
    known = raw(f"results/editions/demo/lineage/{page}.html")
    inputs = {given["path"] for given in known["inputs"]}
    assert inputs.issuperset(["paper/claims.yaml", *map(str, Path("paper/published").glob("*.csv"))])
    scored = {path.stem for path in Path("results/scores/digits/seed0").glob("*.parquet")}
    assert len(scored) > 10 and {f"ood.detectors.{name}" for name in scored} <= known["code"]["modules"].keys()


def test_a_forged_number_on_a_lineage_page_is_found(run):
    page = "results/editions/demo/lineage/HEADLINE.digits.html"
    outputs = list(Records.load())
    found, total = numbers.paged(Records.load(), outputs)
    assert found == [] and total > 1000
    text = Path(page).read_text()
    start = text.index("<tr><th>ours</th><td>") + len("<tr><th>ours</th><td>")
    put(page, text[:start] + str((int(text[start]) + 1) % 10) + text[start + 1 :])
    forge(page)
    assert level_a() == []
    found, _ = numbers.paged(Records.load(), outputs)
    assert [one.file for one in found] == [page] and "ours of HEADLINE/" in found[0].what


def test_a_forged_page_of_the_networks_is_made_again(run):
    page = "results/editions/demo/networks.html"
    assert numbers._again(Records.load(), page) == []
    replace(page, "accuracy, test</th><td>", "accuracy, test</th><td>9")
    forge(page)
    assert level_a() == []
    assert [one.file for one in numbers._again(Records.load(), page)] == [page]


def test_a_forged_table_is_found_by_its_notebook(run):
    table = f"{ARTIFACTS}/rg/RG-T3.digits.csv"
    turn(table)
    forge(table, after=True)
    assert level_a() == []
    found = numbers._again(Records.load(), table)
    assert [one.file for one in found] == [table] and "line" in found[0].what and found[0].expected != found[0].found


@pytest.fixture
def pdf(run) -> str:
    if not Path(PDF).is_file():
        pytest.skip("there is no LaTeX here")
    return PDF


def reprint(pdf: str, change: Callable[[list], None]) -> None:
    """Change the operations of the page that prints ``CELL``."""
    writer = PdfWriter(clone_from=PdfReader(pdf))
    for page in writer.pages:
        content = ContentStream(page.get_contents(), writer)
        operations = content.operations
        if any(operator == b"BDC" and CELL in str(operands) for operands, operator in operations):
            change(operations)
            content.operations = operations
            page[NameObject("/Contents")] = writer._add_object(content)
    Path(pdf).unlink()
    writer.write(pdf)


def place(operations: list) -> int:
    return next(k for k, (operands, operator) in enumerate(operations) if operator == b"BDC" and CELL in str(operands))


def next_digit(operations: list) -> None:
    """Another first digit where the cell is shown."""
    shown = next(k for k in range(place(operations), len(operations)) if operations[k][1] in (b"Tj", b"TJ"))
    part = operations[shown][0][0]
    strings = part if operations[shown][1] == b"TJ" else operations[shown][0]
    first = strings[0]
    digit = bytes(first.original_bytes)
    strings[0] = type(first)(digit.decode("latin-1").replace(chr(digit[0]), "987"[digit[0] % 3], 1))


def leave_out(operations: list) -> None:
    start = place(operations)
    end = next(k for k in range(start, len(operations)) if operations[k][1] == b"EMC")
    del operations[start : end + 1]


@pytest.mark.parametrize(
    ("change", "said"),
    [(next_digit, f"ours of {CELL}: expected"), (leave_out, f"{TABLE}.tex lacks ours of {CELL}")],
)
def test_a_number_of_the_pdf_is_read_where_it_stands(pdf, change, said):
    assert list(numbers.typeset(Records.load()[pdf], marks(Path(pdf)))) == []
    reprint(pdf, change)
    forge(pdf)
    assert level_a() == []
    found = list(map(str, numbers.typeset(Records.load()[pdf], marks(Path(pdf)))))
    assert len(found) == 1 and said in found[0], found


def test_a_forged_score_is_found_from_the_images(run):
    """Rewritten with all that comes after: only doing it again from the images shows it."""
    records = Records.load()
    assert rerun.again(records, SCORES.format("msp"), fresh(run, "one")) == []
    edit(SCORES.format("msp"), one_large_score)
    forge(SCORES.format("msp"), after=True)
    assert level_a() == []
    found = rerun.again(Records.load(), SCORES.format("msp"), fresh(run, "two"))
    assert [one.file for one in found] == [SCORES.format("msp")] and "column msp, image" in found[0].what


def one_large_score(frame: pd.DataFrame) -> None:
    frame.loc[7, "msp"] += 0.1


def fresh(run: Path, name: str) -> Path:
    folder = run.parent / name
    folder.mkdir()
    return folder


def test_cells_to_do_again_are_chosen_by_the_seed(run):
    assert rerun.chosen(["demo"], 3, 0) == rerun.chosen(["demo"], 3, 0) != rerun.chosen(["demo"], 3, 1)


def test_a_cell_is_followed_to_its_scores_images_and_network(run):
    lineage = find(CELL, "demo", Records.load())
    scores = pd.read_parquet(SCORES.format("gaia_a"))
    pair = scores[scores["dataset"].isin(["digits", "letters"])]
    auroc = roc_auc_score(pair["dataset"].astype(str) == "digits", pair["q=0.5"])
    assert lineage.cell["values"].tolist() == pytest.approx([auroc], abs=1e-12)
    assert lineage.text("ours") == f"{100 * auroc:.2f}"
    files = {path for _, path in lineage.files()}
    assert {f"{TABLE}.csv", METRICS.format("gaia_a"), SCORES.format("gaia_a"), "notebooks/gaia.py"} <= files
    assert {f"results/data/{name}/images.npy" for name in ("digits", "letters")} <= files
    assert not any("faces" in path or "gradnorm" in path for path in files)
    text = show(lineage)
    digests = [ledger.sha256(Path(path))[:12] for path in files]
    assert all(digest in text for digest in digests) and "GAIA-A: channel-wise average abnormality" in text


def test_a_printed_number_is_followed_to_its_line(run):
    lineage = find("GAIA-S-T3/q=0.5/ImageNet-1k SUN AUROC", "demo", Records.load())
    printed = lineage.printed
    line = Path("paper/published", printed["file"]).read_text().splitlines()[printed["line"] - 1]
    assert lineage.text("printed") in line.split(",") and "SUN" in line and "q=0.5" in line


@pytest.mark.parametrize(
    "name",
    ["GAIA-S-F3/digits/images that differ", "FINDINGS/FORWARD/largest relative difference of an image's scores/digits"],
)
def test_a_number_that_is_no_cell_is_followed_too(run, name):
    """In a caption, or a finding: to all scores, networks and images of its benchmark, and to no other benchmark."""
    lineage = find(name, "demo", Records.load())
    assert lineage.text("ours") and lineage.cell is None
    files = {path for _, path in lineage.files()}
    assert {"results/summaries/digits.parquet", SCORES.format("gaia_z"), "results/data/letters/images.npy"} <= files
    kinds = ("cells", "metrics", "scores", "features", "attributions", "checkpoints", "summaries")
    assert {path.split("/")[2].split(".")[0] for path in files if path.split("/")[1] in kinds} == {"digits"}
    assert "of the test images right" in show(lineage)


def anchors(page: Path) -> tuple[list[str], list[str]]:
    """What a page links to, first its base, and the places on it."""
    text = page.read_text()
    return re.findall('href="([^"]+)"', text), re.findall(' id="([^"]+)"', text)


def test_every_number_of_a_table_leads_to_its_lineage_from_its_own_page_and_beside_it(run):
    tables = list(Path(ARTIFACTS).rglob("*.html"))
    assert len(tables) > 10
    for table in tables:
        (base, *links), _ = anchors(table)
        numbers = pd.read_csv(table.with_suffix(".csv"))
        entries = numbers.dropna(subset="panel") if "panel" in numbers else numbers  # the others stand in the foot
        assert set(links) == {f"#{anchor(name)}" for name in entries["id"]}
        page = Path(table.parent, base)
        here, places = anchors(page)
        assert set(links) <= set(here) <= {f"#{place}" for place in places}
        assert page.stat().st_size < 1.5e6  # in base64 no more than browsers open out of a report of one file


def test_an_unknown_id_is_answered_with_the_nearest(run):
    with pytest.raises(Problem, match="Nearest ids:\n" + CELL):
        find(CELL.replace("letters", "leters"), "demo", Records.load())
