"""One lock, with hashes, that names no host; what is generated from it agrees with it."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ENVS = ROOT / "envs"
LOCK = (ENVS / "requirements.lock").read_text()


def generator():
    spec = importlib.util.spec_from_file_location("generate", ENVS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_pin_has_a_hash_and_no_line_names_a_host():
    blocks = re.split(r"\n(?=[A-Za-z0-9])", LOCK.strip())
    assert len(blocks) > 100
    assert all(re.match(r"[\w.-]+==[\w.+!-]+", block) and "--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links| @ ", LOCK)


def test_the_conda_environment_is_generated_from_the_lock():
    assert (ENVS / "ood.yaml").read_text() == generator().environment(LOCK)
    pip = yaml.safe_load((ENVS / "ood.yaml").read_text())["dependencies"][-1]["pip"]
    assert any(line.startswith("torch==") for line in pip)


def test_this_environment_is_the_locked_one():
    for name in ("snakemake", "torch", "pandas", "scikit-image", "papermill"):
        assert f"\n{name}=={version(name).split('+')[0]} " in "\n" + LOCK


def imported(folder: str) -> set[str]:
    """The packages of other projects that the sources below a folder import, by their names in the lock."""
    names, installed = set(), packages_distributions()
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module)
    tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
    return {distribution.lower().replace("_", "-") for name in tops for distribution in installed.get(name, [])}


def test_what_is_imported_is_declared():
    """Not only there because something else needs it today."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = project["project"]["dependencies"]
    for folders, lines in (
        (("workflow", "notebooks"), declared),
        (("tests",), declared + project["dependency-groups"]["dev"]),
    ):
        names = {re.match(r"[\w.-]+", line)[0].lower() for line in lines}
        found = set().union(*map(imported, folders))
        assert {"torch", "pandas"} <= found
        assert found <= names


@pytest.mark.parametrize(
    ("target", "switch", "option"), [("prune", "CONFIRM", "--remove"), ("export", "STALE", "--stale")]
)
def test_only_1_switches_on_what_make_else_refuses(target, switch, option):
    for value, given in {"1": True, "0": False, "no": False, "": False}.items():
        command = ["make", "-n", "-o", "setup", target, f"{switch}={value}"]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert (option in said.split()) is given, value
