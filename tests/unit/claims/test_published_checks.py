"""The printed numbers agree with one another, but for exactly the slips that paper/published/README.md lists."""

from pathlib import Path

import pandas as pd
import pytest

from ood.claims import published
from ood.claims import published_checks as checks
from ood.claims.published_checks import average_slips

FOLDER = Path(__file__).parents[3] / "paper" / "published"
# Tables of means and spreads over the cells of an appendix table.
APPENDIX = {"IGOE-T1": "IGOE-A1", "IGOE-T3": "IGOE-A2"}
IN_TEXT = ["GAIA-TEXT", "IGOE-TEXT", "RG-TEXT"]
DERIVED = "IGOE-C-Textures (derived)"


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    return published.load(FOLDER)


def spread_slips(printed: pd.DataFrame) -> pd.DataFrame:
    """Means and spreads that are not mean and sample deviation (n - 1) of the appendix cells."""
    averages = checks._averages(printed, APPENDIX)
    place = ["artifact", *checks.ROW]
    single = printed[~printed["ood_dataset"].str.startswith("average of")]
    sample = single.groupby(place)["value"].std().rename("sample_std")
    averages = averages.join(sample, on=["source", *checks.ROW])
    # n cells that are off by at most h move their sample standard deviation by at most h * sqrt(n / (n - 1)):
    # it is the length of the centred vector over sqrt(n - 1), and centring lengthens no vector.
    moved = averages["half"] * (averages["count"] / (averages["count"] - 1)) ** 0.5
    spreads = averages.assign(
        statistic="sample std",
        printed=averages["printed_std"],
        expected=averages["sample_std"],
        deviation=averages["std"] - averages["sample_std"],
        tolerance=checks._half_unit(published.decimals(averages["printed_std"])) + moved,
    )
    return checks._slips(pd.concat([checks._mean_deviations(averages), spreads]))


def disagreements(printed: pd.DataFrame) -> pd.DataFrame:
    """Cells that differ from the first printing of the same quantity.

    Printings with equally many decimals must be equal; of two others, one must be a rounding of the other.
    ``statistic`` is the quantity, ``expected`` its first printing in the order of SAME.
    """
    cells = pd.DataFrame(checks.SAME, columns=["statistic", "artifact", "method", "variant"])
    cells = cells.merge(printed, on=["artifact", "method", "variant"])
    groups = cells.groupby(["statistic", "benchmark", "id_dataset", "ood_dataset", "metric"], sort=False)
    first = groups[["value", "decimals"]].transform("first")
    tolerance = checks._half_unit(first["decimals"].where(first["decimals"] < cells["decimals"], cells["decimals"]))
    deviation = cells["value"] - first["value"]
    return checks._slips(cells.assign(expected=first["value"], deviation=deviation, tolerance=tolerance))


def test_average_slips_are_the_six_documented(cells):
    slips = average_slips(cells)
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
    found = [*average_slips(wrong)["cell"], *spread_slips(wrong)["cell"]]
    assert sorted(found) == sorted(cells.loc[average & ~alone, "cell"])


def test_an_average_with_a_missing_cell_is_a_slip(cells):
    missing = cells["cell"] == "RG-T1/RG/as printed: OURS/ImageNet-1k/SUN/FPR95"
    found = set(average_slips(cells[~missing])["cell"])
    assert "RG-T1/RG/as printed: OURS/ImageNet-1k/average of 4/FPR95" in found


def test_spreads_of_igoe_are_sample_deviations_of_the_appendix(cells):
    assert spread_slips(cells).empty
    table = cells["artifact"].isin(["IGOE-T1", "IGOE-T3"])
    population = cells.assign(std=cells["std"].where(~table, cells["std"] * (5 / 6) ** 0.5))
    assert len(spread_slips(population)) == 18


def test_one_quantity_is_printed_differently_in_two_tables(cells):
    found = disagreements(cells)
    assert found[["cell", "printed"]].to_numpy().tolist() == [
        ["IGOE-A1/ExGrad V term: sum_k p_k(1-p_k)/N:A/CIFAR-10/MNIST/AUROC", "0.926"]
    ]
    assert found["expected"].tolist() == [0.925]


def test_every_rule_of_the_same_quantity_compares_printed_cells(cells):
    rules = pd.DataFrame(checks.SAME, columns=["statistic", "artifact", "method", "variant"])
    for quantity, artifacts in rules.groupby("statistic")["artifact"]:
        for artifact in artifacts.iloc[1:]:
            wrong = cells.assign(value=cells["value"] + (cells["artifact"] == artifact))
            found = disagreements(wrong)
            assert found["cell"][found["statistic"] == quantity].str.startswith(artifact).any()


def test_the_derived_grid_is_the_average_less_the_printed_grids(cells):
    grids = cells.pivot_table(index=["method", "variant"], columns="artifact", values="value", sort=False)
    printed = grids[["IGOE-C-iNaturalist", "IGOE-C-SUN", "IGOE-C-Places"]].sum(axis=1)
    derived = grids[DERIVED].dropna()
    assert (4 * grids["IGOE-F2"] - printed)[derived.index].tolist() == pytest.approx(derived.tolist(), abs=1e-9)
