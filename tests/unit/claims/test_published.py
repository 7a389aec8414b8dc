"""The printed numbers: complete and unchanged."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from ood.claims import published
from ood.errors import Problem

FOLDER = Path(__file__).parents[3] / "paper" / "published"
COUNTS = {
    **{"GAIA-S-T1": 24, "GAIA-S-T2": 8, "GAIA-S-T3": 70},
    **{"IGOE-T1": 16, "IGOE-A1": 96, "IGOE-T2": 108, "IGOE-T3": 2, "IGOE-A2": 12, "IGOE-F2": 48},
    **{"IGOE-C-iNaturalist": 48, "IGOE-C-SUN": 48, "IGOE-C-Places": 48},
    **{"RG-T1": 100, "RG-T2": 60, "RG-T3": 90, "RG-T4": 80, "RG-T5": 70, "RG-T6": 100, "RG-T7": 50},
}
IN_TEXT = {"GAIA-TEXT": 2, "IGOE-TEXT": 4, "RG-TEXT": 8}
DERIVED = "IGOE-C-Textures (derived)"


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    return published.load(FOLDER)


@pytest.fixture
def copy(tmp_path) -> Path:
    return shutil.copytree(FOLDER, tmp_path / "published")


def refused(folder: Path, old: str, new: str) -> str:
    """What ``load`` says after the first ``old`` in rg_table1.csv became ``new``."""
    table = folder / "rg_table1.csv"
    text = table.read_text()
    assert old in text
    table.write_text(text.replace(old, new, 1))
    with pytest.raises(Problem) as problem:
        published.load(folder)
    return str(problem.value)


def test_every_artifact_has_all_its_numbers(cells):
    assert cells["artifact"].value_counts().to_dict() == {**COUNTS, **IN_TEXT, DERIVED: 48}
    assert sum(COUNTS.values()) == 1078


def test_printed_digits_and_spreads_survive(cells):
    cell = cells.set_index("cell").loc["GAIA-S-T2/GAIA-Z/5 seeds/CIFAR-100/average of 5/FPR95"]
    assert (cell["printed"], cell["value"], cell["decimals"]) == ("29.10", 29.1, 2)
    assert (cell["printed_std"], cell["std"]) == ("3.36", 3.36)
    assert (cell["file"], cell["line"]) == ("gaia_supp_table2.csv", 8)


def test_ids_have_six_parts(cells):
    assert set(cells["cell"].str.count("/")) == {5}
    assert "GAIA-S-T1/MSP/batch=1/CIFAR/-/time per image" in set(cells["cell"])
    assert "GAIA-S-T3/GAIA-A/w:o fusion (inner only)/ImageNet-1k/SUN/AUROC" in set(cells["cell"])


@pytest.mark.parametrize(
    ("old", "new", "line", "parts"),
    [
        ("FPR95,percent,63.69", "FPR95,percent,63.6g", 2, ["column value", "'63.6g'", "a decimal number"]),
        ("FPR95,percent,63.69", "FPR95,percent,", 2, ["column value", "''", "a decimal number"]),
        ("AUROC,percent,87.59", "AUROC,percent,875.9", 3, ["column value", "'875.9'", "percent: 0 to 100"]),
        ("AUROC,percent,87.59", "AUROC,fraction,87.59", 3, ["column value", "'87.59'", "fraction: 0 to 1"]),
        ("AUROC,percent,87.59", "AUROC,ms,87.59", 3, ["column value", "'87.59'", "fits its metric and unit"]),
        ("AUROC,percent,87.59", "AUPR,percent,87.59", 3, ["column metric", "'AUPR'", "one of AUROC"]),
        ("AUROC,percent,87.59", "AUROC,%,87.59", 3, ["column unit", "'%'", "fraction", "percent"]),
        ("63.69,,", "63.69,-0.1,", 2, ["column std", "'-0.1'", "at least 0"]),
        ("63.69,,", "63.69,", 2, ["12 fields, expected 13"]),
        ("MSP,as", ",as", 2, ["column method", "''", "some text"]),
        (",ood_dataset,", ",", 1, ["columns paper", "missing: ood_dataset."]),
        (",ood_dataset,", ",ood,", 1, ["id_dataset, ood, metric", "missing: ood_dataset."]),
    ],
)
def test_a_wrong_row_is_named(copy, old, new, line, parts):
    message = refused(copy, old, new)
    for part in [f"{copy / 'rg_table1.csv'}, line {line}", *parts]:
        assert part in message


def test_a_repeated_row_is_named(copy):
    rows = (copy / "rg_table1.csv").read_text().splitlines()
    message = refused(copy, rows[3], f"{rows[3]}\n{rows[3].replace('79.98', '79.99')}")
    assert f"{copy / 'rg_table1.csv'}, line 5" in message
    assert "'RG-T1/MSP/as printed: MSP/ImageNet-1k/SUN/FPR95', expected each of these once" in message


def test_a_folder_without_numbers_is_named(tmp_path):
    with pytest.raises(Problem, match=f"{tmp_path} has no printed numbers"):
        published.load(tmp_path)


def test_lookup_finds_one_cell_or_none(cells):
    column = {"ood_dataset": "average of 4", "metric": "AUROC"}
    assert published.lookup(cells, "RG-T1", method="MOS", **column)["printed"] == "90.11"
    assert published.lookup(cells, "RG-T9", method="MOS", **column) is None
    with pytest.raises(Problem, match="names 10 printed cells"):
        published.lookup(cells, "RG-T1", method="MOS")
    with pytest.raises(Problem, match="Did you mean 'method'"):
        published.lookup(cells, "RG-T1", metod="MOS")
