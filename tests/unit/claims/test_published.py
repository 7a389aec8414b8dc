"""The printed numbers: complete, unchanged, with exactly the slips that paper/published/README.md lists."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from ood.claims import published, published_checks
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


def test_average_slips_are_the_six_documented(cells):
    slips = published_checks.average_slips(cells)
    assert slips.set_index("cell")["printed"].to_dict() == {
        "RG-T1/MSP/as printed: MSP/ImageNet-1k/average of 4/AUROC": "79.29",
        "RG-T3/RG/k=0.1; T=1/ImageNet-1k/average of 4/AUROC": "86.84",
        "RG-T4/RG/k=1; T=4/ImageNet-1k/average of 4/FPR95": "63.03",
        "RG-T4/RG/k=1; T=32/ImageNet-1k/average of 4/AUROC": "77.80",
        "RG-T4/RG/k=1; T=64/ImageNet-1k/average of 4/FPR95": "63.55",
        "RG-T5/RG additive (Eq. 12)/alpha=1*alpha_s/ImageNet-1k/average of 4/AUROC": "91.39",
    }
    expected = [79.535, 89.335, 62.5325, 77.9975, 63.45, 91.405]
    assert slips["expected"].tolist() == pytest.approx(expected, abs=1e-9)


def test_every_average_with_printed_cells_is_checked(cells):
    average = cells["ood_dataset"].str.startswith("average of")
    # These averages stand alone: no cells are printed (GAIA-S-T2, text), or one of four grids is lost (F2).
    alone = cells["artifact"].isin(["GAIA-S-T2", "IGOE-F2", *IN_TEXT])
    wrong = cells.assign(value=cells["value"] + average)
    found = [*published_checks.average_slips(wrong)["cell"], *published_checks.spread_slips(wrong)["cell"]]
    assert sorted(found) == sorted(cells.loc[average & ~alone, "cell"])


def test_an_average_with_a_missing_cell_is_a_slip(cells):
    missing = cells["cell"] == "RG-T1/RG/as printed: OURS/ImageNet-1k/SUN/FPR95"
    found = set(published_checks.average_slips(cells[~missing])["cell"])
    assert "RG-T1/RG/as printed: OURS/ImageNet-1k/average of 4/FPR95" in found


def test_spreads_of_igoe_are_sample_deviations_of_the_appendix(cells):
    assert published_checks.spread_slips(cells).empty
    table = cells["artifact"].isin(["IGOE-T1", "IGOE-T3"])
    population = cells.assign(std=cells["std"].where(~table, cells["std"] * (5 / 6) ** 0.5))
    assert len(published_checks.spread_slips(population)) == 18


def test_one_quantity_is_printed_differently_in_two_tables(cells):
    found = published_checks.disagreements(cells)
    assert found[["cell", "printed"]].to_numpy().tolist() == [
        ["IGOE-A1/ExGrad V term: sum_k p_k(1-p_k)/N:A/CIFAR-10/MNIST/AUROC", "0.926"]
    ]
    assert found["expected"].tolist() == [0.925]


def test_every_rule_of_the_same_quantity_compares_printed_cells(cells):
    rules = pd.DataFrame(published_checks.SAME, columns=["statistic", "artifact", "method", "variant"])
    for quantity, artifacts in rules.groupby("statistic")["artifact"]:
        for artifact in artifacts.iloc[1:]:
            wrong = cells.assign(value=cells["value"] + (cells["artifact"] == artifact))
            found = published_checks.disagreements(wrong)
            assert found["cell"][found["statistic"] == quantity].str.startswith(artifact).any()


def test_the_derived_grid_is_the_average_less_the_printed_grids(cells):
    grids = cells.pivot_table(index=["method", "variant"], columns="artifact", values="value", sort=False)
    printed = grids[["IGOE-C-iNaturalist", "IGOE-C-SUN", "IGOE-C-Places"]].sum(axis=1)
    derived = grids[DERIVED].dropna()
    assert (4 * grids["IGOE-F2"] - printed)[derived.index].tolist() == pytest.approx(derived.tolist(), abs=1e-9)
