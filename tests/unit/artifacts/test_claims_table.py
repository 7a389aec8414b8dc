"""The table of claims: every number by its id, every claim there, text that LaTeX takes."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ood.appendix.paper import macros
from ood.artifacts import claims as table
from ood.artifacts.evidence import Evidence
from ood.claims import claims

ROOT = Path(__file__).parents[3]
ROWS = [
    ("RG-T1.1", "RG", "50 % better & more", "", "auroc(rg) > 1", "holds", "", "fails", -1.25, -2.5, -0.125),
    ("RG-T1.2", "RG", "alpha_s", "", "auroc(rg) > 2", "fails", "holds", "within noise", 0.5, -0.25, 1.75),
    ("RG-T1.3", "RG", "third", "", "auroc(rg) > 3", "holds", "", "not run", np.nan, np.nan, np.nan),
    ("RG-T1.4", "RG", "fourth", "", "auroc(rg) > 4", "holds", "", "", np.nan, np.nan, np.nan),
    ("RG-T1.5", "RG", "fifth", "", "auroc(rg) > 5", "holds", "", "holds", 2.5, 1.5, 3.5),
    ("RG-T1.6", "RG", "sixth", "", "auroc(rg) > 6", "fails", "", "holds", 2.5, 1.5, 3.5),
    ("GAIA-S-F1.1", "GAIA", "seen", "visual", "", "", "", "", np.nan, np.nan, np.nan),
]
KEYS = [
    "id",
    "paper",
    "claim",
    "unchecked",
    "holds",
    "printed",
    "by_printed_averages",
    "verdict",
    "margin",
    "low",
    "high",
]


@pytest.fixture
def evidence(tmp_path) -> Evidence:
    (tmp_path / "claims").mkdir()
    (tmp_path / "cells").mkdir()
    for name in ("one", "two"):
        frame = pd.DataFrame(ROWS, columns=KEYS).assign(
            source="Table 1", benchmark=name, p=0.5, p_holm=1.0, noise="images", decided="", why=""
        )
        frame["reading"] = frame["id"] == "RG-T1.5"
        frame.loc[frame["id"] == "RG-T1.1", "decided"] = "auroc(rg) > auroc(a & b)"
        frame["form_of"] = np.where(frame["id"] == "RG-T1.6", "RG-T1.2", "")
        frame["printed_there"] = frame["printed"].mask(frame["id"] == "RG-T1.1", "fails") if name == "two" else ""
        frame.to_parquet(tmp_path / "claims" / f"{name}.parquet")
        cell = {"benchmark": name, "detector": "d", "variant": "v", "dataset": "s", "metric": "AUROC", "mean": 0.5}
        pd.DataFrame([cell]).to_parquet(tmp_path / "cells" / f"{name}.parquet")
    benchmarks = {name: {"title": name.upper()} for name in ("one", "two")}
    return Evidence(
        benchmarks, list(benchmarks), {}, {}, 0.95, str(tmp_path), str(ROOT / "paper" / "published"), str(tmp_path)
    )


def test_what_the_table_says(evidence):
    counts = table.save(evidence)
    lines = pd.read_csv(evidence.out / "CLAIMS.csv", keep_default_na=False).set_index("id")
    assert lines.loc[[f"CLAIMS/RG-T1.{place}/two" for place in (1, 2, 3, 4, 5)], "ours"].tolist() == [
        "fails \u22121.25 [\u22122.50, \u22120.12] (its print: fails)",
        "within noise 0.50 [\u22120.25, 1.75]",
        "not run",
        "\u2013",
        "holds 2.50 [1.50, 3.50]",
    ]
    assert lines.at["CLAIMS/RG-T1.1/one", "ours"] == "fails \u22121.25 [\u22122.50, \u22120.12]"
    assert lines.at["CLAIMS/RG-T1.2/one", "printed"] == "fails, but holds by the printed averages"
    assert lines.at["CLAIMS/RG/one", "printed"] == "3 / 1"
    assert counts.to_dict("index") == {"RG": {"printed": "3 / 1", "ONE": "0 / 1 / 1 / 1", "TWO": "0 / 1 / 1 / 1"}}


def test_what_decides_is_said_of_ours_alone(evidence):
    table.save(evidence)
    lines = pd.read_csv(evidence.out / "CLAIMS.csv", keep_default_na=False).set_index("id")
    assert lines.loc[["CLAIMS/RG-T1.1/one", "CLAIMS/RG-T1.2/one"], "decided"].tolist() == [
        "auroc(rg) > auroc(a & b)",
        "",
    ]
    titles = re.findall('title="(CLAIMS/RG-T1.1/.*?)"', (evidence.out / "CLAIMS.html").read_text())
    said = ": auroc(rg) &gt; auroc(a &amp; b)"
    assert titles == ["CLAIMS/RG-T1.1/one", f"CLAIMS/RG-T1.1/one{said}", f"CLAIMS/RG-T1.1/two{said}"]


def test_every_number_of_the_page_has_its_id(evidence):
    table.save(evidence)
    text, defined = (evidence.out / "CLAIMS.tex").read_text(), macros([evidence.out / "CLAIMS.csv"])
    asked = re.findall(r"\\(printed|ours){(.*?)}", text)
    assert asked[:3] == [("printed", "CLAIMS/RG/one"), ("ours", "CLAIMS/RG/one"), ("ours", "CLAIMS/RG/two")]
    assert len(asked) == (1 + 6) * 3 and all(rf"\definecell{{{kind}}}{{{name}}}" in defined for kind, name in asked)
    assert r"50 \% better \& more" in text and r"alpha\_s" in text
    assert r"\textbf{GAIA-S-F1.1} seen (Table 1) & visual" in text
    assert r"\textbf{RG-T1.5} fifth (Table 1, our reading) &" in text
    assert r"\textbf{RG-T1.6} sixth (Table 1, another form of RG-T1.2) &" in text


def test_the_page_shows_every_claim(evidence):
    table.save(evidence)
    for suffix in ("html", "txt"):
        page = (evidence.out / f"CLAIMS.{suffix}").read_text()
        assert all(row[0] in page and row[3] in page for row in ROWS) and "fails \u22121.25" in page


def test_claims_are_sentences_that_latex_takes():
    """ASCII, but for nothing: what stands in claims.yaml reaches the page with its special signs escaped."""
    for claim in claims.load(ROOT / "paper" / "claims.yaml").claims:
        text = json.dumps(claim.claim + claim.source + (claim.unchecked or ""), ensure_ascii=False)
        assert text.isascii() and not set(text) & set("\\~^<>")
