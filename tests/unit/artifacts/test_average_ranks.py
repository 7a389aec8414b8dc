"""Average ranks as a figure."""

import re
from pathlib import Path

import pandas as pd
import pytest
from benchmark import evidence
from pypdf import PdfReader

from ood.artifacts import average_ranks
from ood.detectors import method


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
    """Three methods of which the last is best on both sets and for all seeds."""
    given = evidence(tmp_path, [0.6, 0.7, 0.8], detectors=["rg", "gradnorm", "exgrad"])
    defaults = {detector: method(detector).default for detector in ("rg", "gradnorm", "exgrad")}
    rows = [
        {"benchmark": "mnist", "detector": detector, "variant": variant, "dataset": ood, "metric": "AUROC"}
        | {"values": [0.6 + place / 10] * 3, "mean": 0.6 + place / 10}
        for place, (detector, variant) in enumerate(defaults.items())
        for ood in given.benchmarks["mnist"]["ood"]
    ]
    given.cells = pd.DataFrame(rows).set_index(given.cells.index.names)
    return given


def test_the_figure_is_made_twice_the_same(scored):
    made = []
    for _ in range(2):
        average_ranks.ranks(scored, "mnist")
        made.append([Path(scored.out, f"RANKS.mnist.{suffix}").read_bytes() for suffix in ("pdf", "png", "tex")])
    assert made[0] == made[1]


def test_ranks_in_the_figure(scored):
    """The same order in all six blocks: Friedman's statistic is 12, and exp(-6) the p-value."""
    drawn = average_ranks.ranks(scored, "mnist")
    assert drawn._repr_png_() == Path(scored.out, "RANKS.mnist.png").read_bytes() and repr(drawn) == "RANKS.mnist.png"
    texts = " ".join(PdfReader(scored.out / "RANKS.mnist.pdf").pages[0].extract_text().split())
    assert all(text in texts for text in ("ExGrad 1.0", "GradNorm 2.0", "3.0 RG"))
    numbers = said(scored, "RANKS.mnist")
    assert numbers["Friedman's p"] == "0.002" and numbers["blocks"] == "6"
    assert numbers["rank of exgrad"] == "1.0" and numbers["rank of rg"] == "3.0"
