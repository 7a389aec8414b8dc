"""One lock, with hashes, that names no host; what is generated from it agrees with it."""

import importlib.util
import re
from importlib.metadata import version
from pathlib import Path

import yaml

ENVS = Path(__file__).parents[2] / "envs"
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
