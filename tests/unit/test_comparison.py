"""Printed numbers beside ours as the tables have them; figures of the same bytes."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pypdf import PdfReader
from test_tables import TABLES, evidence

from ood.artifacts import comparison
from ood.detectors import method
from ood.summaries import FALSE_POSITIVES, Summary


def test_pairs_are_the_tables_entries_in_percent(tmp_path):
    given = evidence(tmp_path, [0.90, 0.91, 0.92])
    found = comparison.pairs(given, "mnist")
    assert set(found["artifact"]) == {"IGOE-T2"} and set(found["metric"]) == {"AUROC"}
    table = TABLES["IGOE-T2"](given, "mnist").entries(given)
    both = table[(table["difference"] != "") & (table["row"] != "U=norm1 V=varsum_mean")]  # a second reading
    assert found["printed"].tolist() == pytest.approx([100 * float(text) for text in both["printed"]])
    assert found["ours"].unique() == pytest.approx([91.0])
    assert found["noise"].tolist() == pytest.approx((100 * both["noise"]).tolist())
    assert found["agrees"].tolist() == [not text.endswith("*") for text in both["difference"]]
    assert {True, False} == set(found["agrees"])


def test_a_number_that_two_tables_print_counts_once(tmp_path):
    """TV, VarSum, GradNorm and ExGrad, which Table 2 has too; of Appendix A remain S2, S3, S5 and S6, shallow."""
    given = evidence(tmp_path, [0.90, 0.91, 0.92], detectors=["gradnorm", "exgrad", "encoding_output", "gradients"])
    found = comparison.pairs(given, "mnist")
    assert found["artifact"].value_counts().to_dict() == {"IGOE-T2": 9, "IGOE-A1": 4}
    assert found["quantity"].is_unique


def test_every_printed_table_of_scores_is_compared():
    """But for times, and averages over six pairs, which no benchmark of ours has."""
    assert set(comparison.TABLES) | set(comparison.ACROSS) | {"GAIA-S-T1", "IGOE-T1", "IGOE-T3"} == set(TABLES)


def said(given, name: str) -> dict[str, str]:
    """The numbers of a figure by what they are; those in its caption go by their ids."""
    table, caption = pd.read_csv(given.out / f"{name}.csv", dtype=str), (given.out / f"{name}.tex").read_text()
    artifact, benchmark = name.split(".")
    assert list(table["id"]) == [f"{artifact}/{benchmark}/{what}" for what in table["column"]]
    cited = re.findall(r"\\ours{(.*?)}", caption)
    assert cited and set(cited) <= set(table["id"])
    assert not re.search(r"[:(] ?\d|over \d|= \d", caption)  # none that is typed
    return dict(zip(table["column"], table["ours"], strict=True))


@pytest.fixture
def scored(tmp_path):
    """Three methods of which the last is best on both sets and for all seeds; their curves are random."""
    given = evidence(tmp_path, [0.6, 0.7, 0.8], detectors=["rg", "gradnorm", "exgrad"])
    defaults = {detector: method(detector).default for detector in ("rg", "gradnorm", "exgrad")}
    rows = [
        {"benchmark": "mnist", "detector": detector, "variant": variant, "dataset": ood, "metric": "AUROC"}
        | {"values": [0.6 + place / 10] * 3, "mean": 0.6 + place / 10}
        for place, (detector, variant) in enumerate(defaults.items())
        for ood in given.benchmarks["mnist"]["ood"]
    ]
    given.cells = pd.DataFrame(rows).set_index(given.cells.index.names)
    rng = np.random.default_rng(0)
    shown = [
        Summary("curve", detector, variant, ood, np.sort(rng.random(len(FALSE_POSITIVES))))
        for detector, variant in defaults.items()
        for ood in given.benchmarks["mnist"]["ood"]
    ]
    (tmp_path / "summaries").mkdir()
    pd.DataFrame(shown).to_parquet(tmp_path / "summaries/mnist.parquet")
    return given


@pytest.mark.parametrize("draw", [comparison.roc, comparison.ranks])
def test_a_figure_is_made_twice_the_same(scored, draw):
    name = {comparison.roc: "ROC", comparison.ranks: "RANKS"}[draw]
    made = []
    for _ in range(2):
        draw(scored, "mnist")
        made.append([Path(scored.out, f"{name}.mnist.{suffix}").read_bytes() for suffix in ("pdf", "png", "tex")])
    assert made[0] == made[1]


def test_ranks_in_the_figure(scored):
    """The same order in all six blocks: Friedman's statistic is 12, and exp(-6) the p-value."""
    drawn = comparison.ranks(scored, "mnist")
    assert drawn._repr_png_() == Path(scored.out, "RANKS.mnist.png").read_bytes() and repr(drawn) == "RANKS.mnist.png"
    texts = " ".join(PdfReader(scored.out / "RANKS.mnist.pdf").pages[0].extract_text().split())
    assert all(text in texts for text in ("ExGrad 1.0", "GradNorm 2.0", "3.0 RG"))
    numbers = said(scored, "RANKS.mnist")
    assert numbers["Friedman's p"] == "0.002" and numbers["blocks"] == "6"
    assert numbers["rank of exgrad"] == "1.0" and numbers["rank of rg"] == "3.0"


def test_the_figure_of_agreement_counts(tmp_path):
    given = evidence(tmp_path, [0.90, 0.91, 0.92])
    found = comparison.pairs(given, "mnist")
    comparison.agreement(given, "mnist")
    numbers = {
        "within noise": found["agrees"].sum(),
        "compared": len(found),
        "median noise": f"{found['noise'].median():.2f}",
    }
    assert said(given, "AGREEMENT.mnist") == {what: str(number) for what, number in numbers.items()}


def test_without_the_methods_of_the_print_the_figure_is_empty(tmp_path):
    """GAIA's CIFAR-10, but GAIA was not run."""
    given = evidence(tmp_path, [0.9, 0.91], reproduces="cifar10")
    comparison.agreement(given, "mnist")
    assert said(given, "AGREEMENT.mnist") == {"within noise": "0", "compared": "0", "median noise": "none"}
