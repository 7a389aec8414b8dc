"""The table of findings: every number by its id, what is not there said, differences by hand."""

import re
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ood.appendix.paper import macros
from ood.artifacts import ARTIFACTS, CLOSEUPS, PAPERS, PRINT, ROUNDING, SALIENCY, SEVERAL, TIMES, runs
from ood.artifacts import findings_numbers as numbers
from ood.artifacts import findings_table as table
from ood.artifacts.evidence import Evidence
from ood.artifacts.findings import FINDINGS
from ood.config.signature import saliency
from ood.evaluation.summaries import ALL, Summary

ROOT = Path(__file__).parents[3]
CELLS = {
    ("gaia_z", "all"): [0.9, 0.8],
    ("gaia_z", "forward all"): [0.9, 0.8],
    ("gaia_z", "block=layer1"): [0.5, 0.5],
    ("gaia_z", "block=layer2"): [0.75, 0.75],
    ("gradients", "S2 weight"): [0.25, 0.75],
}
# FPR95 of two sets of layers, each better on one of the OOD sets.
FPR95 = {
    ("all", "far"): [0.1, 0.3],
    ("block=layer2", "far"): [0.5, 0.5],
    ("all", "near"): [0.9, 0.7],
    ("block=layer2", "near"): [0.4, 0.2],
}


@pytest.fixture
def evidence(tmp_path) -> Evidence:
    """``one`` has GAIA-Z and gradient scores with two seeds, ``two`` nothing but MSP."""
    rows = [
        {"benchmark": "one", "detector": detector, "variant": variant, "dataset": "average", "metric": "AUROC"}
        | {"values": values, "seeds": [0, 1], "mean": np.mean(values), "std": np.std(values, ddof=1)}
        for (detector, variant), values in CELLS.items()
    ]
    rows += [
        rows[0] | {"variant": variant, "dataset": dataset, "metric": "FPR95", "values": values, "mean": np.mean(values)}
        for (variant, dataset), values in FPR95.items()
    ]
    msp = rows[0] | {"benchmark": "two", "detector": "msp", "variant": "msp"}
    forms = [("s1", "float16"), ("s1", "float32"), ("s1", "float64"), ("msp", "float64")]
    rounded = [
        rows[0] | {"detector": score, "variant": form, "metric": metric, "values": [1e-14, 3e-14], "mean": 2e-14}
        for score, form in forms
        for metric in ("AUROC", "FPR95", "FPR95_gaia", "FPR95_nearest", "tied", "largest")
    ]
    changed = {"float32": [0.5, 0.75], "float64": [0.5625, 0.625]}
    rounded += [
        rows[0] | {"detector": "s1", "variant": form, "dataset": "far", "values": values}
        for form, values in changed.items()
    ]
    claim = {"id": "RG-T3.3a", "printed": "fails", "verdict": "within noise"}
    frames = {
        "cells/one": rows,
        "cells/two": [msp],
        "rounding/one": rounded,
        "claims/one": [claim],
        "claims/two": [claim | {"verdict": "not run"}],
    }
    norm, forms = ("norm", "gradients", "S2 weight"), ("forms", "gaia_z", "forward all")
    shown = [Summary(*norm, ALL, [3e-9, 2, 6]), Summary(*forms, ALL, [0.25, 1, 8])]
    frames |= {"summaries/one": shown, "summaries/two": [Summary("curve", "msp", "msp", "far", [0.5])]}
    for name, content in frames.items():
        path = tmp_path / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(content).to_parquet(path)
    about = {"seeds": [0, 1], "timed": [], "reproduces": None, "saliency": True, "id": "digits"}
    benchmarks = {
        "one": about
        | {
            "title": "One",
            "ood": ["far"],
            "averages": ["average"],
            "detectors": ["gaia_z", "gradients", "encoding_output"],
        },
        "two": about
        | {"title": "Two", "reproduces": "small_scale", "id": "mnist"}
        | {"ood": ["far"], "averages": ["average", "average_resize"], "detectors": ["msp"]},
    }
    return Evidence(
        benchmarks, list(benchmarks), {}, {}, 0.95, str(tmp_path), str(ROOT / "paper/published"), str(tmp_path)
    )


def test_what_the_table_says(evidence):
    table.save(evidence)
    lines = pd.read_csv(evidence.out / "FINDINGS.csv", keep_default_na=False).set_index("id")
    ours, printed = lines["ours"], lines["printed"]
    assert ours["FINDINGS/FORWARD/AUROC from gradients/one"] == "85.00 ± 7.07"
    assert ours["FINDINGS/FORWARD/AUROC from gradients/two"] == "not run"
    assert ours["FINDINGS/BLOCKS/AUROC of GAIA-Z, last block/one"] == "75.00 ± 0.00"
    assert ours["FINDINGS/S1/largest value, single precision/one"] == "3.0e\u221214"
    assert ours["FINDINGS/S1/largest change of one AUROC, single to double/one"] == "12.50"
    assert ours["FINDINGS/PICTURES/AUROC of GAIA-Z, as released/one"] == "not run"  # there is no other conversion
    assert ours["FINDINGS/PICTURES/AUROC of MSP, as released/two"] == "85.00 ± 7.07"
    assert ours["FINDINGS/CLIP/claim RG-T3.3a/one"] == "within noise"
    assert printed["FINDINGS/CLIP/claim RG-T3.3a/two"] == "fails"
    # As printed, fractions in percent; the means of 0.838 and 0.775, and of 91.90, 89.58, 85.81 and 90.08.
    assert printed["FINDINGS/S1/AUROC, single precision/one"] == "74.1; MNIST: 80.7"
    assert printed["FINDINGS/CLIP/AUROC, k = 0.1/one"] == "86.84"
    assert printed["FINDINGS/CLIP/AUROC, k = 0.1, mean of the four printed/one"] == "89.34"


def test_layers_chosen_by_the_sets_name(evidence):
    """By seed 10 and 30 % of far, 40 and 20 % of near: 25 both times. With every layer 50 both times."""
    evidence.benchmarks["one"]["ood"] = ["far", "near"]
    assert numbers.layers_by_set(every=True, last=True)(evidence, "one") == "25.00 ± 0.00"
    assert numbers.layers_by_set(every=True, last=False)(evidence, "one") == "50.00 ± 0.00"
    assert numbers.layers_by_set(every=False, last=True)(evidence, "one") == "40.00 ± 7.07"
    assert numbers.layers_by_set(every=True, last=True)(evidence, "two") == ""


def test_what_is_said_of_differences(evidence):
    assert numbers.proportion(evidence, "one") == "3.0e\u22129" and numbers.forms(evidence, "one") == "2.5e\u22121"
    assert numbers.reordered(evidence, "one") == "2 of 6"
    assert numbers.proportion(evidence, "two") == numbers.reordered(evidence, "two") == ""


def test_every_number_of_the_page_has_its_id(evidence):
    table.save(evidence)
    text, defined = (evidence.out / "FINDINGS.tex").read_text(), macros([evidence.out / "FINDINGS.csv"])
    asked = re.findall(r"\\(printed|ours){(.*?)}", text)
    assert len(asked) == 3 * sum(len(finding.lines) for finding in FINDINGS)
    assert all(rf"\definecell{{{kind}}}{{{name}}}" in defined for kind, name in asked)


@pytest.mark.parametrize("suffix", ["html", "txt"])
def test_every_finding_is_shown(evidence, suffix):
    table.save(evidence)
    page = unescape((evidence.out / f"FINDINGS.{suffix}").read_text())
    assert all(part in page for finding in FINDINGS for part in (finding.name, finding.lines[-1].label))


def test_labels_are_ids_that_latex_takes():
    for finding in FINDINGS:
        labels = [line.label for line in finding.lines]
        assert len(set(labels)) == len(labels)
        for text in (finding.name, *labels):
            assert text.isascii() and not set(text) & set("/\\{}~^<>&%$#_")


def test_what_a_benchmark_has_and_which_files_are_read():
    assert runs(["msp", "rg"], [], None, False) == ["msp", "rg"]
    every = ["msp", "rg", "gradients"]
    assert runs(every, [8], "imagenet", True) == [*every, TIMES, PRINT, SEVERAL, SALIENCY]
    running = {"one": ["gradients"], "two": ["msp"]}
    read = ARTIFACTS["FINDINGS"].sources(running)
    assert (ROUNDING, "one") in read and (ROUNDING, "two") not in read
    assert {benchmark for _, benchmark in ARTIFACTS["ROC"].sources(running)} == {"one", "two"}
    assert ARTIFACTS["GAIA-S-F1"].sources(running) == []
    vgg16 = {
        "vgg16": runs(["msp"], [], None, saliency("vgg16")),
        "mlp": runs(["msp"], [], None, saliency("playground_mlp")),
    }
    assert ARTIFACTS["GAIA-S-F1"].sources(vgg16) == [(CLOSEUPS, "vgg16")]


def test_every_artifact_has_a_caption_and_is_made_by_its_notebook_and_typeset():
    sections = "".join(path.read_text() for path in (ROOT / "paper/sections").glob("*.tex"))
    for artifact in ARTIFACTS.values():
        assert artifact.paper in PAPERS
        assert (ROOT / "workflow/report" / f"{artifact.id}.rst").is_file()
        assert re.search(rf"\\artifacts?{{{re.escape(artifact.id)}[}}.]", sections), artifact.id
