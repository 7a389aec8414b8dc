"""kill -9 at any moment of a training, and the same command again: the same bytes, and no epoch done twice."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ood import device as devices
from ood.train import states

WORKFLOW = Path(__file__).parents[3] / "workflow"
EPOCHS = 9  # enough that a test process that waits its turn still finds it training
SPEC = {
    "seed": 3,
    "network": "resnet34",
    "options": {"width": 2, "channels": 1},
    "size": 12,
    "normalisation": None,
    "splits": ["train", "test"],
    "recipe": {
        "epochs": EPOCHS,
        "batch": 16,
        "optimiser": "sgd",
        "learning_rate": 0.05,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "schedule": "cosine",
        "shift": 2,
        "flip": True,
        "precision": "bfloat16",
        "threads": 1,
    },
}


def start(folder: Path) -> subprocess.Popen:
    """``python -m ood.train.training`` in ``folder``, on a small prepared set that is made there."""
    rng = np.random.default_rng(0)
    np.save(folder / "images.npy", rng.integers(0, 256, (150, 12, 12, 1), dtype=np.uint8))
    index = {"split": ["train"] * 130 + ["test"] * 20, "label": rng.integers(0, 3, 150)}
    pd.DataFrame(index).to_parquet(folder / "index.parquet")
    (folder / "envs").mkdir(exist_ok=True)
    (folder / "envs/requirements.lock").write_text("")
    outputs = {"weights": "model.safetensors", "card": "card.json", "timing": "timing.json"}
    command = [sys.executable, "-m", "ood.train.training", "--images", "images.npy", "--index", "index.parquet"]
    command += [part for name, file in outputs.items() for part in (f"--{name}", f"results/{file}")]
    command += ["--spec", json.dumps(SPEC), "--log", "training.log"]
    environment = {**os.environ, "PYTHONPATH": str(WORKFLOW)}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def finish(running: subprocess.Popen) -> None:
    assert running.wait() == 0, running.stderr.read()


def saved_epochs(folder: Path) -> int:
    (path,) = list(folder.glob(f"results/.state/*/*/{states.NAME}")) or [folder / "none"]
    state = states.load(path.parent)
    return len(state["losses"]) if state else 0


def killed_after(epoch: int, folder: Path, delay: float = 0) -> None:
    """A run that is killed ``delay`` seconds after the state of an epoch is there."""
    running = start(folder)
    while saved_epochs(folder) < epoch and running.poll() is None:
        time.sleep(0.005)
    time.sleep(delay)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL, running.stderr.read()


def results(folder: Path) -> list[bytes]:
    return [(folder / "results" / name).read_bytes() for name in ("model.safetensors", "card.json")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(start(folder))
    card, timing = (json.loads((folder / f"results/{name}.json").read_text()) for name in ("card", "timing"))
    assert len(card["losses"]) == EPOCHS and card["accuracy"].keys() == {"train", "test"}
    assert timing["epochs_taken_over"] == 0 and len(timing["seconds_per_epoch"]) == EPOCHS
    assert 0 < timing["waiting_for_data"] < 1
    return results(folder)


@pytest.mark.parametrize("epochs, delay", [((1,), 0), ((2,), 0.05), ((1, 3), 0.02)])
def test_killed_and_started_again_it_ends_with_the_same_bytes(undisturbed, tmp_path, epochs, delay):
    for epoch in epochs:
        killed_after(epoch, tmp_path, delay)
    taken_over = saved_epochs(tmp_path)
    finish(start(tmp_path))
    log = (tmp_path / "training.log").read_text()
    assert f"going on after epoch {taken_over} of {EPOCHS}" in log and taken_over >= epochs[-1]
    assert re.findall(rf"epoch (\d) of {EPOCHS}: loss", log) == [
        str(epoch) for epoch in range(taken_over + 1, EPOCHS + 1)
    ]
    assert json.loads((tmp_path / "results/timing.json").read_text())["epochs_taken_over"] == taken_over
    assert results(tmp_path) == undisturbed
    assert not list((tmp_path / "results/.state").iterdir())


def test_what_was_trained_on_another_device_is_not_gone_on_from(undisturbed, tmp_path):
    killed_after(1, tmp_path)
    (path,) = tmp_path.glob(f"results/.state/*/*/{states.NAME}")
    assert all(word in path.parent.name for word in re.findall(r"\w+", devices.name(torch.device("cpu"))))
    path.parent.rename(path.parent.with_name("NVIDIA-A100-SXM4-40GB-bfloat16"))
    finish(start(tmp_path))
    said = (tmp_path / "training.log").read_text()
    assert "trained on another device (NVIDIA-A100-SXM4-40GB-bfloat16)" in said and "going on after" not in said
    assert json.loads((tmp_path / "results/timing.json").read_text())["epochs_taken_over"] == 0
    assert results(tmp_path) == undisturbed
