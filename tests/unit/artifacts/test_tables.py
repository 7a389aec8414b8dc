"""Tables: what stands beside a printed number, and when a difference is more than noise."""

import re

import numpy as np
import pandas as pd
import pytest
from benchmark import PUBLISHED, TABLES, entry, evidence
from scipy import stats

from ood.appendix.paper import macros
from ood.artifacts import ARTIFACTS, igoe, igoe_gradients, rg
from ood.artifacts.evidence import KEY, Evidence
from ood.artifacts.render import browsed, latex, save, write_numbers
from ood.artifacts.table import alike, noise
from ood.claims import published
from ood.errors import Problem

PRINTED = 0.989  # IGOE-T2, Energy alone, MNIST against SVHN


def test_a_cell_that_is_there_twice_is_refused(tmp_path):
    given = evidence(tmp_path, [0.9])
    cells = pd.read_parquet(given.results / "cells/mnist.parquet")
    pd.concat([cells, cells.iloc[[3]]]).to_parquet(given.results / "cells/mnist.parquet")
    name = "/".join(cells[KEY].iloc[3])
    with pytest.raises(Problem, match=f"the cell {re.escape(name)} is there twice"):
        Evidence(given.benchmarks, ["mnist"], {}, {}, 0.95, str(given.results), str(PUBLISHED), str(given.out))


def test_noise_is_a_prediction_interval_over_seeds():
    """Half the width of what holds one more normal draw in 95 of 100 cases, and half a unit of the last digit."""
    values = np.array([0.90, 0.93, 0.91, 0.95])
    cell = pd.Series({"values": values, "std": values.std(ddof=1)})
    printed = pd.Series({"decimals": 3, "std": np.nan})
    exact = stats.t.interval(0.95, 3, scale=np.sqrt(values.var(ddof=1) * 1.25))[1] + 0.0005
    assert noise(cell, printed, 1, 0.95) == pytest.approx(exact, rel=1e-12)
    draws = np.random.default_rng(0).normal(size=(20_000, 5))
    limits = [
        noise(pd.Series({"values": row[:4], "std": row[:4].std(ddof=1)}), printed, 1, 0.95) for row in draws[:4000]
    ]
    inside = np.abs(draws[:4000, :4].mean(1) - draws[:4000, 4]) <= limits
    assert inside.mean() == pytest.approx(0.95, abs=0.012)


def test_noise_of_two_means_is_welchs():
    values = np.array([90.0, 93.0, 91.0])
    cell = pd.Series({"values": values / 100, "std": values.std(ddof=1) / 100})
    limit = noise(cell, pd.Series({"decimals": 2, "std": 2.0}), 100, 0.9)
    error = np.sqrt(values.var(ddof=1) / 3 + 2.0**2 / 3)
    assert limit == pytest.approx(stats.t.ppf(0.95, 2) * error + 0.005, rel=1e-12)


def test_noise_of_one_network_is_the_interval_over_images():
    cell = pd.Series({"values": [0.9], "std": np.nan, "low": 0.88, "high": 0.91})
    assert noise(cell, pd.Series({"decimals": 1, "std": np.nan}), 100, 0.95) == pytest.approx(1.5 + 0.05)


@pytest.mark.parametrize(
    ("make", "interval"),
    [(igoe.products, ", interval 0.930 to 0.960"), (rg.main_results, ", interval 93.00 to 96.00")],
)
def test_an_interval_has_the_decimals_of_its_number(tmp_path, make, interval):
    given = evidence(tmp_path, [0.95])
    table = make(given, "mnist")
    assert interval in browsed(table, table.entries(given))


@pytest.mark.parametrize(
    ("value", "text", "like"), [(0.0264, "-0.079 *", "0.026"), (2, "93.1 ± 2", "2.0"), (7, "5", "7")]
)
def test_a_number_like_another_has_its_decimals(value, text, like):
    assert alike(value, text) == like


@pytest.mark.parametrize(
    ("values", "difference"),
    [([0.90, 0.91, 0.92], "-0.079 *"), ([0.95, 1.0, 0.96], "-0.019"), ([0.989], "+0.000"), ([0.95], "-0.039 *")],
)
def test_a_printed_number_stands_beside_what_reproduces_it(tmp_path, values, difference):
    given = evidence(tmp_path, values)
    table = igoe.products(given, "mnist")
    found = entry(table, given, "IGOE-T2/U=1 V=energy/mnist svhn_grey_corner AUROC")
    printed = given.published.query(
        "artifact == 'IGOE-T2' and method == 'Energy' and variant == 'U=1 (V only)' "
        "and id_dataset == 'MNIST' and ood_dataset == 'SVHN'"
    )["printed"].item()
    assert (found["printed"], float(printed)) == (printed, PRINTED)
    assert found["difference"] == difference
    other = entry(table, given, "IGOE-T2/U=1 V=energy/mnist letters AUROC")
    assert (other["printed"], other["difference"]) == ("", "")
    assert table.kinds(table.panels[0]) == ("printed", "ours", "difference")


def test_averages_of_ours_also_stand_with_the_best_sign_of_each_set(tmp_path):
    given = evidence(tmp_path, [0.9])
    cells = given.cells["mean"].copy()
    cells[cells.index.get_level_values("metric") == "AUROC_pairwise_flip"] = 0.7
    given.cells["mean"] = cells
    columns = igoe.products(given, "mnist").entries(given).groupby("column")["ours"].unique()
    assert list(columns["mnist average AUROC_pairwise_flip"]) == ["0.700"]
    assert list(columns["mnist average AUROC"]) == ["0.900"] and len(columns) == 4
    assert "flip" not in " ".join(igoe.products(given, "small_scale").entries(given)["column"])


def test_what_is_no_score_is_said_to_be_none(tmp_path):
    given = evidence(tmp_path, [0.9], detectors=["rg"])
    found = igoe_gradients.gradient_scores_by_set(given, "mnist").entries(given).set_index("id")["shown"]
    column = "mnist svhn_grey_corner AUROC"
    assert found[[f"IGOE-A1/{row} shallow/{column}" for row in ("S1", "S2")]].tolist() == ["no score", "not run"]
    printed = igoe_gradients.gradient_scores_by_set(given, "small_scale").entries(given)
    assert set(printed["shown"]) == {"not run"}


@pytest.mark.parametrize("changes", [{"reproduces": None}, {"id": "letters"}], ids=["of none", "of other images"])
def test_without_a_counterpart_nothing_stands_beside(tmp_path, changes):
    given = evidence(tmp_path, [0.9], **changes)
    for table in (igoe.products(given, "mnist"), rg.ablation(given, "mnist")):
        assert (table.entries(given)["printed"] == "").all()
        assert table.kinds(table.panels[0]) == ("ours",) and r"\printed" not in latex(table, table.entries(given))


def test_rows_that_were_not_run(tmp_path):
    """They are left out where nothing is printed beside, but named below, and else say so; as does a table's head."""
    given = evidence(tmp_path, [0.9])
    table = rg.main_results(given, "mnist")
    assert "MOS" not in [row.key for row in table.rows] and ", MOS, ODIN." in table.foot.partition("Not run: MSP, ")[2]
    assert entry(table, given, "RG-T1/RG k=1/mnist letters AUROC")["shown"] == "90.00"
    given.benchmarks["mnist"] |= {"reproduces": "imagenet", "id": "imagenet", "ood": ["sun", "places"]}
    given.cells = given.cells.rename(index={"svhn_grey_corner": "sun", "letters": "places"})
    table = rg.main_results(given, "mnist")
    found = entry(table, given, "RG-T1/MOS/mnist sun AUROC")
    assert found["shown"] == "not run" and found["printed"] and "Not run" not in table.foot
    save(given, table)
    name = "RG-T1/MOS/mnist average FPR95"
    assert rf"\definecell{{ours}}{{{name}}}{{\notrun}}" in macros([tmp_path / "RG-T1.mnist.csv"])
    table = rg.main_results(given, "imagenet")
    entries = table.entries(given)
    assert set(entries["shown"]) == {"not run"}
    assert table.kinds(table.panels[0]) == ("printed",) and r"\ours" not in latex(table, entries)
    assert f"{table.panels[0].title} (printed; not run) & " in latex(table, entries)


@pytest.mark.parametrize("name", TABLES)
def test_every_printed_number_has_its_place(tmp_path, name):
    """All numbers of a printed table, each once."""
    given = evidence(tmp_path, [0.9], reproduces=None)
    which = [(one,) for one in ARTIFACTS[name].printed_for] or [()]
    entries = pd.concat([TABLES[name](given, *one).entries(given) for one in which])
    printed = given.published[given.published["artifact"] == name]
    spread = printed["printed_std"].map(lambda std: f" ± {std}" if std else "")
    assert sorted(entries["printed"][entries["printed"] != ""]) == sorted(printed["printed"] + spread)


def test_every_printed_table_is_rebuilt():
    """But for those of figures and of the text."""
    tables = {name for name in published.load(PUBLISHED)["artifact"] if re.match(".*-[AT][0-9]$", name)}
    assert tables == set(TABLES)


def test_the_difference_reaches_the_page_by_its_id(tmp_path):
    given = evidence(tmp_path, [0.95])
    table = igoe.products(given, "mnist")
    save(given, table)
    text, name = macros([tmp_path / "IGOE-T2.mnist.csv"]), "IGOE-T2/U=1 V=energy/mnist svhn_grey_corner AUROC"
    assert rf"\definecell{{difference}}{{{name}}}{{$-0.039^{{*}}$}}" in text
    assert rf"\difference{{{name}}}" in (tmp_path / "IGOE-T2.mnist.tex").read_text()


@pytest.mark.parametrize("name", ["mnist", "forms"])
def test_best_and_second_are_marked(tmp_path, name):
    """Of at least three rows that were run, by column, a small FPR95 being good; equals share a place."""
    given = evidence(tmp_path, [0.5])
    given.benchmarks, given.cells = (
        {name: given.benchmarks["mnist"]},
        given.cells.rename(index={"mnist": name}).sort_index(),
    )
    values = {"k=1 T=1": 0.7, "k=inf T=1": 0.9, "U=clip V=tv": 0.9, "U=clip V=1": 0.6}
    for variant, value in values.items():
        given.cells.loc[(name, "rg", variant), "mean"] = value
    entries = rg.ablation(given, name).entries(given).set_index(["row", "column"])["mark"]
    found = {metric: entries.xs(f"{name} letters {metric}", level="column") for metric in ("AUROC", "FPR95")}
    assert found["AUROC"][lambda mark: mark != ""].to_dict() == {"U=Ours V=GN": "best", "U=GN V=Ours": "best"}
    assert found["FPR95"][lambda mark: mark != ""].to_dict() == {"U=GN V=GN": "best", "U=1 V=Ours": "second"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("T/a/x,,nan,,\n", r"cell T/a/x of .*T.csv, column 'ours': 'nan' is not a number. Follow it to its scores"),
        ("T/a/x,-inf ± 1,7,,\n", r"column 'printed': '-inf ± 1' is not a number. Correct it in paper/published"),
        ("T/a/x,,1,,\nT/a/x,,2,,\n", r"cell T/a/x is in two tables, one of them .*T.csv. Name a row"),
    ],
)
def test_what_is_not_printed_is_named(tmp_path, lines, said):
    (tmp_path / "T.csv").write_text(f"id,printed,ours,mark,difference\n{lines}")
    with pytest.raises(Problem, match=said):
        macros([tmp_path / "T.csv"])


def test_words_with_letters_of_a_number_that_is_none_are_printed(tmp_path):
    (tmp_path / "T.csv").write_text("id,printed,ours,mark,difference\nT/a/x,no information,finance,,\n")
    assert r"\definecell{ours}{T/a/x}{finance}" in macros([tmp_path / "T.csv"])


def test_every_csv_has_the_columns_of_a_table(tmp_path):
    lines = pd.DataFrame([{"id": "A/b/c", "printed": "2", "ours": "1"}])
    write_numbers(evidence(tmp_path, [0.5]), "A", lines)
    assert (tmp_path / "A.csv").read_text() == "id,printed,ours,mark,difference\nA/b/c,2,1,,\n"
