"""Recipes: schedules by their definition, contradictions refused at their key, what counts as the training."""

import math

import pytest
from pydantic import ValidationError

from ood.train.recipe import Recipe, Training

SGD = {"epochs": 11, "batch": 8, "optimiser": "sgd", "learning_rate": 0.1, "weight_decay": 0, "schedule": "cosine"}
STEP = {**SGD, "schedule": "step", "milestones": [4, 8], "factor": 0.1}
EXPECTED = {"accuracy": [0.9, 1.0], "hours": 1, "hardware": "one GPU"}


def factors(recipe: dict, per_epoch: int = 10) -> list[float]:
    return [Training(**recipe).factor_at(step, per_epoch) for step in range(recipe["epochs"] * per_epoch + 1)]


def test_cosine_warms_up_and_falls_to_zero():
    found = factors({**SGD, "warmup_epochs": 1})
    assert found[:11] == pytest.approx([step / 11 for step in range(1, 12)])
    assert found[10:] == pytest.approx([(1 + math.cos(math.pi * part / 100)) / 2 for part in range(101)])
    assert found[60] == pytest.approx(0.5) and found[110] == pytest.approx(0, abs=1e-15)
    plain = factors({**SGD, "epochs": 4})
    assert (plain[0], plain[40]) == (1, 0)


def test_steps_and_constants_change_between_epochs_only():
    assert factors(STEP) == pytest.approx([1] * 40 + [0.1] * 40 + [0.01] * 31)
    assert factors({**SGD, "schedule": "constant", "warmup_epochs": 0.5})[4:] == pytest.approx([5 / 6] + [1] * 106)


@pytest.mark.parametrize(
    "recipe, changed, key",
    [
        (SGD, {"optimiser": "adam", "momentum": 0.9}, "momentum"),
        (SGD, {"nesterov": True}, "nesterov"),
        (SGD, {"milestones": [4]}, "milestones"),
        (SGD, {"factor": 0.1}, "factor"),
        (STEP, {"milestones": []}, "milestones"),
        (STEP, {"milestones": [8, 4]}, "milestones"),
        (STEP, {"milestones": [4, 11]}, "milestones"),
        (STEP, {"factor": None}, "factor"),
        (SGD, {"warmup_epochs": 11}, "warmup_epochs"),
        (SGD, {"accuracy": [1.0, 0.9]}, "accuracy"),
        (SGD, {"optimiser": "lion"}, "optimiser"),
        (SGD, {"shifts": 4}, "shifts"),
    ],
)
def test_a_contradiction_is_refused_at_its_key(recipe, changed, key):
    Recipe(**recipe, **EXPECTED)
    with pytest.raises(ValidationError) as error:
        Recipe(**{**recipe, **EXPECTED, **changed})
    assert error.value.errors()[0]["loc"][0] == key


def test_the_training_leaves_out_what_is_expected_of_it():
    recipe = Recipe(**STEP, **EXPECTED)
    assert recipe.training().keys() == set(Training.model_fields)
    assert recipe.training() == Recipe(**STEP, accuracy=[0, 0.5], hours=2, hardware="CPU").training()
    assert Training(**recipe.training()).milestones == (4, 8)
