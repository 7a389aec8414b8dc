"""What a table says beside its numbers: which variant a row is, what its foot tells, which printed numbers slip."""

import pandas as pd
import pytest
from benchmark import entry, evidence

from ood.artifacts import igoe, overview, rg
from ood.artifacts.columns import averaged
from ood.artifacts.render import latex, save
from ood.artifacts.table import SLIP
from ood.detectors import method


def labels(table) -> dict[str, str]:
    return {row.key: row.noted for row in table.rows}


def test_a_dagger_stands_with_printed_numbers_only(tmp_path):
    given = evidence(tmp_path, [0.9], detectors=["rg", "energy"])
    ours, printed = (rg.main_results(given, benchmark) for benchmark in ("mnist", "imagenet"))
    assert labels(ours) == {"Energy": "Energy", "RG k=1": "RG, $k = 1$"} and rg.QUOTED not in ours.foot
    assert labels(printed)["Energy"] == "Energy" + rg.QUOTED and "from other papers" in printed.foot
    assert labels(printed)["ReAct"] == "ReAct"


ROWS = [(rg.main_results, "RG-T1"), (rg.densenet, "RG-T6"), (rg.neighbours, "RG-T7"), (igoe.products, "IGOE-T2")]


@pytest.mark.parametrize(("table", "name"), ROWS, ids=[name for _, name in ROWS])
def test_a_label_says_which_variant_ours_is(tmp_path, table, name):
    """Where it is not the method's default; the rows of products and of RG have it in their names."""
    names = ["mahalanobis_layers", "mahalanobis", "rg", "gradnorm", "exgrad", "encoding_output", "msp", "react", "knn"]
    given = evidence(tmp_path, [0.9], detectors=[*names, "energy", "odin", "mos", "kl_matching"])
    rows = [row for row in table(given, "mnist").rows if row.ours[0] not in ("rg", "encoding_output")]
    assert rows and all(row.note for row in rows if row.ours[1] != method(row.ours[0]).default)


def test_mahalanobis_over_layers_is_as_the_quoted_code_has_it(tmp_path):
    given = evidence(tmp_path, [0.9], detectors=["rg", "mahalanobis"])
    assert labels(rg.main_results(given, "mnist"))["Mahalanobis"] == "Mahalanobis (last layer)"
    given.benchmarks["mnist"]["detectors"] = ["rg", "mahalanobis", "mahalanobis_layers"]
    (row,) = (row for row in rg.densenet(given, "mnist").rows if row.key == "Mahalanobis")
    assert (row.noted, row.ours) == ("Mahalanobis (layers, leaky)", ("mahalanobis_layers", "leaky"))


def test_printed_products_with_varsum_stand_beside_both_readings(tmp_path):
    given = evidence(tmp_path, [0.9])
    table, column = igoe.products(given, "mnist"), "mnist svhn_grey_corner AUROC"
    found = [entry(table, given, f"IGOE-T2/U=norm1 V={v}/{column}") for v in ("varsum", "varsum_mean")]
    assert [one["printed"] for one in found] == ["0.949"] * 2 and "two readings" in table.foot
    assert "two readings" not in igoe.products(given, "imagenet").foot


@pytest.mark.parametrize(("source", "variant"), [("small_scale", "weight_and_bias"), (None, "weight")])
def test_gradients_are_by_the_bias_where_the_printed_ones_are(tmp_path, source, variant):
    given = evidence(tmp_path, [0.9], reproduces=source)
    ours = {row.key: row for row in igoe.products(given, "mnist").rows}
    assert {ours[name].ours[1] for name in ("GradNorm", "ExGrad")} == {variant}
    assert bool(ours["ExGrad"].note) == (source is not None)


def test_the_foot_says_of_how_many_networks(tmp_path):
    given = evidence(tmp_path, [0.9])
    assert "Percent, one network;" in rg.clips(given, "mnist").foot
    given.benchmarks["mnist"]["seeds"] = [0, 1, 2]
    assert "over 3 seeds;" in rg.clips(given, "mnist").foot


def test_the_foot_says_what_averages_leave_out(tmp_path):
    given = evidence(tmp_path, [0.9])
    assert averaged(given, "mnist") == ""
    given.benchmarks["mnist"]["averages"] = {"average_far": ["letters"], "average_near": []}
    text = "Average far: all sets but Svhn grey corner. Average near: all sets but Svhn grey corner and Letters."
    assert averaged(given, "mnist") == text and text in rg.clips(given, "mnist").foot


def test_the_headline_of_one_network_says_how_wide_its_intervals_are(tmp_path):
    """0.93 to 0.96 in every cell."""
    given = evidence(tmp_path, [0.95], detectors=["rg", "gradnorm"])
    save(given, overview.headline(given, "mnist"))
    numbers = pd.read_csv(tmp_path / "HEADLINE.mnist.csv", dtype=str).set_index("id")["ours"]
    ids = [f"HEADLINE/mnist/median half width, {metric}" for metric in ("AUROC", "FPR95")]
    text = (tmp_path / "HEADLINE.mnist.tex").read_text()
    assert numbers[ids].tolist() == ["1.50"] * 2 and all(rf"\ours{{{name}}}" in text for name in ids)
    assert "\u00b1 1.50 (AUROC) and 1.50 (FPR95)" in (tmp_path / "HEADLINE.mnist.html").read_text()
    given.benchmarks["mnist"]["seeds"] = [0, 1]
    assert "bootstrap" not in overview.headline(given, "mnist").foot


def test_a_printed_average_that_does_not_follow_is_marked(tmp_path):
    """RG's MSP: the mean of 87.59, 78.34, 76.76 and 75.45 is 79.535, and 79.29 is printed."""
    given = evidence(tmp_path, [0.9])
    save(given, rg.main_results(given, "imagenet"))
    name, text = "RG-T1/MSP/ImageNet-1k average of 4 AUROC", (tmp_path / "RG-T1.imagenet.tex").read_text()
    means = pd.read_csv(tmp_path / "RG-T1.imagenet.csv", dtype=str).set_index("id")
    assert means.at["RG-T1/imagenet/mean of the cells, MSP, AUROC", "ours"] == "79.535"
    assert rf"\printed{{{name}}}{SLIP}" in text and text.count(SLIP) == 2 and "79.535" not in text
    html = (tmp_path / "RG-T1.imagenet.html").read_text()
    assert "79.29\u2021" in html and "mean of the cells: 79.535 (MSP" in html
    assert SLIP not in latex(rg.ablation(given, "imagenet"), rg.ablation(given, "imagenet").entries(given))
