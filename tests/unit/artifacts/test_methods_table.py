"""The table of methods: from docstrings and options, by hand."""

from types import SimpleNamespace

import pandas as pd
import pytest

from ood.appendix.paper import macros
from ood.artifacts import methods_table
from ood.config import read
from ood.config.methods import described, settings
from ood.detectors import method


@pytest.fixture
def config():
    return read()


def test_a_method_is_described_by_its_docstring_and_its_options(config):
    said = described(config, ["cifar10_densenet", "cifar100_densenet"])
    assert said["knn"]["what"] == "the distance to the k-th nearest training feature"
    assert said["knn"]["source"] == (
        'Sun et al., "Out-of-Distribution Detection with Deep Nearest Neighbors" (ICML 2022)'
    )
    assert said["knn"]["default"] == "k=50"
    assert said["odin"]["settings"]["cifar10_densenet"] == "temperature 1000, epsilon 0.004"
    mos = said["mos"]["settings"]
    assert mos["cifar10_densenet"].startswith("groups 3, ") and mos["cifar100_densenet"].startswith("groups 20, ")
    assert described(config, ["mnist"])["gradients"]["what"].startswith("The seven gradient scores of Igoe et al.")
    assert "gradients_deep" not in said  # which runs on request, and on neither


def test_every_method_has_a_sentence_and_a_source(config):
    said = described(config, config.editions["full"])
    assert set(said) == set(config.detectors)
    for name, about in said.items():
        assert about["what"] and '"' in about["source"], name
        assert about["default"] and "\n" not in about["what"] + about["source"]


@pytest.mark.parametrize(("docstring", "what"), [(None, ""), ("Margin: a gap.", "a gap"), ("A gap", "A gap")])
def test_a_method_that_says_little_has_no_source(config, monkeypatch, docstring, what):
    monkeypatch.setattr("ood.detectors.msp.__doc__", docstring)
    said = described(config, ["mnist"])["msp"]
    assert (said["what"], said["source"], said["default"]) == (what, "", "msp")


def test_options_as_text():
    assert settings(method("rg")(clips=(0.5, 1, float("inf")), sample=9)).startswith("clips 0.5 1 infinity, ")
    assert settings(method("gaia_z")()) == "layers as built in"


def test_settings_of_most_benchmarks_come_first_and_the_page_prints_them_by_id(tmp_path):
    about = {"what": "KNN: a distance_", "source": 'A, "B & C^2 ~ \\d" (D 2000)', "default": "k=50"}
    texts = {"one": "k 5", "two": "k 50", "three": "k 50"}
    evidence = SimpleNamespace(
        methods={"knn": about | {"settings": texts}, "own_one": about | {"settings": {"one": ""}}},
        benchmarks={
            "one": {"detectors": ["knn", "own_one"]},
            "two": {"detectors": ["knn"]},
            "three": {"detectors": ["knn"]},
        },
        titles={"one": "One", "two": "Two", "three": "Three"},
        out=tmp_path,
    )
    frame = methods_table.save(evidence)
    assert frame["settings"].to_dict() == {"knn": "k 50; One: k 5", "own_one": "none"}
    lines = pd.read_csv(tmp_path / "METHODS.csv", keep_default_na=False).set_index("id")
    assert lines.loc["METHODS/knn/settings", "ours"] == "k 50; One: k 5"
    text, defined = (tmp_path / "METHODS.tex").read_text(), macros([tmp_path / "METHODS.csv"])
    asked = [part.split("}")[0] for part in text.split(r"\ours{")[1:]]
    assert len(asked) == 2 * len(methods_table.HEADS)
    assert all(rf"\definecell{{ours}}{{{name}}}" in defined for name in asked)
    assert r"own one &" in text and r"B \& C\textasciicircum{}2 \textasciitilde{} \textbackslash{}d" in defined
    assert "One: k 5" in (tmp_path / "METHODS.html").read_text()
