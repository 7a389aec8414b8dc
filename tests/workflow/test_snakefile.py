"""The workflow as Snakemake sees it: clean, readable, and strict about its configuration."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def snakemake(*arguments: str) -> subprocess.CompletedProcess:
    programs = Path(sys.executable).parent
    return subprocess.run([programs / "snakemake", *arguments], cwd=ROOT, capture_output=True, text=True)


def test_lint_is_clean():
    result = snakemake("--lint")
    assert result.returncode == 0, result.stderr


def test_targets_have_names_and_every_rule_a_sentence():
    listed = snakemake("--list").stdout.splitlines()
    assert all(line.endswith(".)") for line in listed), listed
    names = {line.split(" ")[0] for line in listed}
    assert {"all", "demo", "small", "full", "cifar10", "demo_overview", "small_gaia", "full_appendix"} <= names


def test_a_wrong_configuration_stops_before_the_dag(tmp_path):
    text = (ROOT / "config.yaml").read_text().replace("  gradnorm: {}", "  gradnrom: {}")
    (tmp_path / "wrong.yaml").write_text(text)
    result = snakemake("--dry-run", "--configfile", str(tmp_path / "wrong.yaml"))
    assert result.returncode != 0
    said = result.stdout + result.stderr
    assert "config.yaml: detectors.gradnrom: unknown detector 'gradnrom'. Did you mean 'gradnorm'?" in said
    assert "Job stats" not in said and "Traceback" not in said
