"""From a printed number to its files, in words and on lineage pages."""

import re
from pathlib import Path

import pandas as pd
import pytest
from forging import ARTIFACTS, CELL, METRICS, SCORES, TABLE
from sklearn.metrics import roc_auc_score

from ood import ledger
from ood.artifacts.anchors import anchor
from ood.audit.lineage import find
from ood.audit.show import show
from ood.errors import Problem
from ood.records import Records


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
