"""config.yaml is refused with the key, the value, what is allowed and the nearest right spelling."""

from pathlib import Path

import pytest
import yaml

from ood.config import load
from ood.errors import Problem

TEXT = (Path(__file__).parents[2] / "config.yaml").read_text()


def changed(path: str, value) -> dict:
    config = yaml.safe_load(TEXT)
    *parents, last = path.split(".")
    place = config
    for key in parents:
        place = place[key]
    place[last] = value
    return config


def test_the_shipped_configuration_is_right():
    config = load(yaml.safe_load(TEXT))
    assert config.benchmarks["digits"].seeds == [0, 1, 2, 3, 4]
    assert config.options("odin") == {"temperature": 1000, "epsilon": 0.004}


WRONG = {
    "an unknown key": ("benchmark", {}, "benchmark: unknown key 'benchmark'. Did you mean 'benchmarks'?"),
    "an unknown key inside": ("benchmarks.digits.sedes", [1], "sedes: unknown key 'sedes'. Did you mean 'seeds'?"),
    "an unknown recipe key": ("recipes.digits.epoch", 3, "recipes.digits.epoch: unknown key 'epoch'. Did you mean"),
    "an unknown detector": ("detectors.gia_z", {}, "detectors.gia_z: unknown detector 'gia_z'. Did you mean 'gaia_z'?"),
    "an unknown option": ("detectors.odin", {"epsilom": 0}, "detectors.odin.epsilom: unknown key 'epsilom'. Did you"),
    "an unknown dataset": (
        "benchmarks.digits.ood",
        ["leters"],
        "ood: unknown dataset 'leters'. Did you mean 'letters'?",
    ),
    "an unknown network": ("benchmarks.digits.network.name", "resnet43", "unknown network 'resnet43'. Did you mean"),
    "an unknown recipe": (
        "benchmarks.digits.recipe",
        "digit",
        "recipe: unknown recipe 'digit'. Did you mean 'digits'?",
    ),
    "a detector that is not listed": ("benchmarks.digits.detectors", ["mps"], "detectors: unknown detector 'mps'"),
    "a seed twice": ("benchmarks.digits.seeds", [0, 1, 1], "benchmarks.digits.seeds: 1 is there twice"),
    "a negative seed": ("benchmarks.digits.seeds", [-1], "benchmarks.digits.seeds.0: -1 is not allowed"),
    "no seeds": ("benchmarks.digits.seeds", [], "benchmarks.digits.seeds: [] is not allowed"),
    "a negative clip": ("detectors.rg", {"clips": [-1]}, "detectors.rg.clips.0: -1 is not allowed: input should be"),
    "a negative fixed clip": ("detectors.react", {"fixed": -1.0}, "detectors.react.fixed: -1.0 is not allowed"),
    "an empty band": ("benchmarks.digits.accuracy", [1.0, 0.9], "accuracy: [1.0, 0.9] is no band [low, high]"),
    "ID among the OOD sets": ("benchmarks.digits.ood", ["digits"], "ood: digits is the in-distribution set"),
    "a rate of zero": ("recipes.digits.learning_rate", 0, "recipes.digits.learning_rate: 0 is not allowed"),
    "one draw": ("bootstrap.draws", 1, "bootstrap.draws: 1 is not allowed: input should be greater than 1"),
}


@pytest.mark.parametrize("path, value, message", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(path, value, message):
    with pytest.raises(Problem) as problem:
        load(changed(path, value))
    assert str(problem.value).startswith("config.yaml: ")
    assert message in str(problem.value)


def test_a_missing_key_is_named():
    config = yaml.safe_load(TEXT)
    del config["benchmarks"]["digits"]["recipe"]
    with pytest.raises(Problem, match=r"config.yaml: benchmarks.digits.recipe: this key is missing"):
        load(config)
