"""Training: the recipe's descent step by step, bit-for-bit repeatability, and going on from a saved epoch."""

import math
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from inputs import to_input
from safetensors.torch import save
from torch import nn

from ood import device, networks
from ood.errors import Problem
from ood.train import states
from ood.train.fitting import fit
from ood.train.recipe import Training
from ood.train.resident import Resident, accuracy
from ood.train.stopwatch import Stopwatch

RECIPE = {
    "epochs": 2,
    "batch": 8,
    "optimiser": "sgd",
    "learning_rate": 0.05,
    "weight_decay": 1e-4,
    "schedule": "cosine",
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def recipe(**changes) -> Training:
    return Training(**{**RECIPE, **changes})


def seeded(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return networks.build("resnet34", 3, {"width": 2, "channels": 1})


def images(count: int) -> Resident:
    pixels = np.random.default_rng(9).integers(0, 256, (count, 8, 8, 1), dtype=np.uint8)
    return Resident(pixels, np.arange(count) % 3, 8, [0.5], [0.25], torch.device("cpu"))


def as_input(data: Resident) -> torch.Tensor:
    return to_input(data.images.numpy(), 8, [0.5], [0.25])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("changes", [{"momentum": 0.9}, {"optimiser": "adam", "precision": "bfloat16"}])
def test_training_repeats_bit_for_bit(threads, changes):
    runs = []
    for seed in (4, 4, 5):
        torch.set_num_threads(threads)
        network = seeded(seed)
        losses = fit(network, images(26), recipe(shift=1, flip=True, **changes), seed).losses
        runs.append((save(network.state_dict()), losses, accuracy(network, images(26))))
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0]


def sgd(nesterov):
    """One step of SGD with momentum 0.8, by definition: the change of a weight per learning rate."""

    def change(gradient, memory, number):
        memory["speed"] = 0.8 * memory.get("speed", 0) + gradient
        return gradient + 0.8 * memory["speed"] if nesterov else memory["speed"]

    return change


def adam(gradient, memory, number):
    """One step of Adam (Kingma and Ba, Algorithm 1)."""
    memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * gradient
    memory["v"] = 0.999 * memory.get("v", 0) + 0.001 * gradient**2
    return memory["m"] / (1 - 0.9**number) / (torch.sqrt(memory["v"] / (1 - 0.999**number)) + 1e-8)


DESCENTS = {
    "sgd": (sgd(False), {"momentum": 0.8}, (1 / 2, 1, 0.75, 0.25)),  # warm-up; (1 + cos) / 2 at 0, 1/3 and 2/3
    "nesterov": (sgd(True), {"momentum": 0.8, "nesterov": True}, (1 / 2, 1, 0.75, 0.25)),
    "adam": (
        adam,
        {"optimiser": "adam", "schedule": "step", "milestones": [2, 3], "factor": 0.5, "learning_rate": 1e-3},
        (1 / 2, 1, 0.5, 0.25),
    ),
}


@pytest.mark.parametrize("change, options, factors", DESCENTS.values(), ids=DESCENTS)
def test_training_is_the_recipes_descent(change, options, factors):
    """Whole-set batches make the order of images irrelevant: four steps by hand, in float64."""
    data, network, mine = images(12), seeded(0).double(), seeded(0).double()
    network.register_forward_pre_hook(lambda _, inputs: (inputs[0].double(),))
    described = recipe(epochs=4, batch=12, warmup_epochs=1, **{"learning_rate": 0.1, "weight_decay": 0.02, **options})
    losses = fit(network, data, described, seed=0).losses
    x, memories, expected = as_input(data).double(), [{} for _ in mine.parameters()], []
    for number, factor in enumerate(factors, start=1):
        loss = F.cross_entropy(mine(x), data.labels)
        expected.append(loss.item())
        gradients = torch.autograd.grad(loss, list(mine.parameters()))
        with torch.no_grad():
            for weight, gradient, memory in zip(mine.parameters(), gradients, memories, strict=True):
                weight -= described.learning_rate * factor * change(gradient + 0.02 * weight, memory, number)
    assert losses == pytest.approx(expected, rel=1e-9)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, mine.state_dict()[name], rtol=1e-6, atol=1e-8, msg=name)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_forward_pass_has_the_recipes_precision(monkeypatch, precision):
    monkeypatch.setattr(device, "precision", lambda wanted, _: wanted)
    network, seen = seeded(0), set()
    network.layer1.register_forward_hook(lambda *call: seen.add(call[-1].dtype))
    fit(network, images(8), recipe(precision=precision), seed=0)
    assert seen == {getattr(torch, precision)}
    assert {value.dtype for value in network.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    "wanted, kind, capabilities, used",
    [
        ("bfloat16", "cpu", {"avx512_bf16": True}, "bfloat16"),
        ("bfloat16", "cpu", {"amx_bf16": True}, "bfloat16"),
        ("bfloat16", "cpu", {"avx2": True}, "float32"),
        ("bfloat16", "cuda", {"native": True}, "bfloat16"),
        ("bfloat16", "cuda", {"native": False}, "float32"),  # T4, RTX 20xx: torch calls its emulation support
        ("float32", "cpu", {"avx512_bf16": True}, "float32"),
        ("float32", "cuda", {"native": True}, "float32"),
    ],
)
def test_bfloat16_is_used_where_the_hardware_has_it(monkeypatch, wanted, kind, capabilities, used):
    def supported(including_emulation: bool = True) -> bool:
        return including_emulation or capabilities["native"]

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert device.precision(wanted, torch.device(kind)) == used


def test_training_that_diverges_is_refused():
    with pytest.raises(Problem, match="diverged in epoch 1.*learning_rate"):
        fit(seeded(0), images(8), recipe(batch=4, learning_rate=1e30), seed=0)


def test_less_than_a_batch_is_refused():
    with pytest.raises(Problem, match=r"7 training images are no batch: lower recipes.\*.batch \(8\)"):
        fit(seeded(0), images(7), recipe(), seed=0)


def test_accuracy_counts_right_labels():
    network, data = seeded(0), images(300)  # more than one of its batches
    share = accuracy(network, data)
    assert share == int((network(as_input(data)).argmax(1) == data.labels).sum()) / 300 and not network.training


@pytest.mark.parametrize("finished", [1, 3, 4])
@pytest.mark.parametrize("changes", [{"momentum": 0.9}, {"optimiser": "adam"}])
def test_stopped_after_an_epoch_it_goes_on_with_the_same_random_numbers(tmp_path, monkeypatch, finished, changes):
    def dropping(seed):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))

    class Stopped(Exception):
        pass

    save_state = states.save

    def save_and_stop(folder, state):
        save_state(folder, state)
        if len(state["losses"]) == finished:
            raise Stopped

    described = recipe(epochs=4, shift=1, flip=True, **changes)
    undisturbed = dropping(0)
    losses = fit(undisturbed, images(26), described, 0).losses
    with pytest.raises(Stopped), monkeypatch.context() as patch:
        patch.setattr(states, "save", save_and_stop)
        fit(dropping(0), images(26), described, 0, tmp_path)
    again = dropping(7)  # other weights, and another place in torch's random numbers
    history = fit(again, images(26), described, 0, tmp_path)
    assert history.losses == losses and len(set(losses)) == 4 and all(map(math.isfinite, losses))
    assert (history.resumed, len(history.seconds)) == (finished, 4 - finished)
    assert save(again.state_dict()) == save(undisturbed.state_dict())


def test_a_damaged_state_is_started_over_from(tmp_path, caplog):
    network, undisturbed = seeded(0), seeded(0)
    losses = fit(undisturbed, images(26), recipe(), 0, tmp_path).losses
    (tmp_path / states.NAME).write_bytes((tmp_path / states.NAME).read_bytes()[:-100])
    history = fit(network, images(26), recipe(), 0, tmp_path)
    assert (history.losses, history.resumed) == (losses, 0) and "is damaged: starting over" in caplog.text
    assert save(network.state_dict()) == save(undisturbed.state_dict())


def test_the_stopwatch_counts_what_is_inside_it_and_starts_anew(monkeypatch):
    times = iter([1.0, 1.5, 10.0, 10.25, 20.0, 23.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))
    stopwatch, found = Stopwatch(torch.device("cpu")), []
    for spans in (2, 1, 0):
        for _ in range(spans):
            with stopwatch:
                pass
        found.append(stopwatch.seconds())
    assert found == [0.75, 3.0, 0]
