"""Times per image: of whole batches of the first test images, through a network that is opened once."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_model

from ood import networks
from ood.data.loading import Form, batches
from ood.errors import Problem
from ood.evaluation import timing

FACTS = {"network": "resnet34", "classes": 3, "options": {"width": 2, "channels": 3}, "size": 8}
FACTS |= {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.4]}
TEST = range(3, 14)  # the rows of the test images


@pytest.fixture
def files(tmp_path):
    """A small network, its card, and a set of 11 test images after others."""
    paths = {name: tmp_path / name for name in ("weights", "card", "accepted", "images.npy", "index", "times")}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_model(networks.build("resnet34", 3, FACTS["options"]), paths["weights"])
    paths["card"].write_text(json.dumps(FACTS))
    np.save(paths["images.npy"], np.random.default_rng(0).integers(0, 256, (14, 8, 8, 3), dtype=np.uint8))
    pd.DataFrame({"split": ["train"] * 3 + ["test"] * 11}).to_parquet(paths["index"])
    return list(paths.values())


def spec(*sizes: int, images: int = 8) -> dict:
    about = {"benchmark": "b", "network": "resnet34", "options": {"msp": {}, "energy": {}}}
    return about | {"batches": list(sizes), "images": images, "turns": 2}


@pytest.fixture
def clocked(monkeypatch):
    """The batches that were timed; each turn takes as many seconds as it has images."""
    seen = []

    def clock(way, ready, device):
        seen.append([x.clone() for x in ready])
        return float(sum(map(len, ready)))

    monkeypatch.setattr(timing, "clock", clock)
    return seen


def test_each_batch_is_timed_on_whole_batches_of_the_first_test_images(files, clocked):
    timing.timing(*files, spec(3, 1, 10))
    exact = torch.cat(
        list(
            batches(*files[3:5], np.array(TEST), Form(8, FACTS["mean"], FACTS["std"], None), 11, torch.device("cpu"), 0)
        )
    )
    for parts, sizes in zip(clocked[::4], ([3, 3], [1] * 8, [10]), strict=True):  # two methods, two turns
        assert [len(x) for x in parts] == sizes
        assert torch.equal(torch.cat(parts), exact[: sum(sizes)])
        assert all(x.is_contiguous(memory_format=torch.channels_last) for x in parts)
    table = pd.read_parquet(files[-1])
    assert table["dataset"].tolist() == [f"batch {size}" for size in (3, 3, 1, 1, 10, 10)]
    assert table["detector"].tolist() == 3 * ["msp", "energy"]
    assert all(values.tolist() == [1000, 1000] for values in table["values"])


def test_fewer_images_than_are_wanted_are_all_timed(files, clocked):
    timing.timing(*files, spec(1, 4, images=64))
    assert [sum(map(len, parts)) for parts in clocked[::4]] == [11, 8]


def test_the_network_is_opened_once_for_all_batches(files, clocked, monkeypatch):
    """Each time a device would be looked for."""
    calls, really = [], timing.opened
    monkeypatch.setattr(timing, "opened", lambda *given: calls.append(given) or really(*given))
    timing.timing(*files, spec(1, 4))
    assert calls == [(*files[:2], 4)]


def test_a_batch_that_the_test_images_do_not_fill_is_refused(files):
    with pytest.raises(Problem, match="a batch of 12 cannot be timed on 11 test images.*'timed' in config.yaml"):
        timing.timing(*files, spec(1, 12))
    assert not files[-1].exists()
