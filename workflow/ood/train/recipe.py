"""A training recipe as data: what config.yaml may say under ``recipes``."""

import math
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def _ordered(band: tuple[float, float]) -> tuple[float, float]:
    if band[0] >= band[1]:
        raise ValueError("a band [low, high] with low < high is expected")
    return band


Band = Annotated[tuple[Share, Share], AfterValidator(_ordered)]


class Training(BaseModel):
    """What defines a training, and nothing else; minimises the mean cross-entropy.

    Both optimisers are PyTorch's: ``weight_decay`` is added to the gradient, Adam's betas are 0.9 and 0.999. The
    learning rate rises linearly over ``warmup_epochs``, then follows ``schedule``: ``cosine`` to 0 over all steps that
    are left, ``step`` times ``factor`` from each of the ``milestones`` (epochs, counted from 0) on, or ``constant``.
    The last, incomplete batch of an epoch is dropped. ``precision`` is that of the forward pass (ood.device says where
    bfloat16 is honoured). ``threads`` belongs here because the order of a sum over CPU threads decides its last bits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(gt=0)
    batch: int = Field(gt=1)
    optimiser: Literal["sgd", "adam"]
    learning_rate: Positive
    momentum: float = Field(0, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: NotNegative
    schedule: Literal["cosine", "step", "constant"]
    milestones: tuple[Annotated[int, Field(gt=0)], ...] = Field((), validate_default=True)
    factor: float | None = Field(None, gt=0, lt=1, validate_default=True)
    warmup_epochs: NotNegative = 0
    shift: int = Field(0, ge=0, description="largest random shift of a training image, input pixels, black moving in")
    flip: bool = Field(False, description="mirror every other training image, at random")
    precision: Literal["float32", "bfloat16"] = "float32"
    threads: int = Field(1, gt=0, description="CPU threads of the job")

    @field_validator("momentum")
    @classmethod
    def _of_sgd(cls, momentum: float, info: ValidationInfo) -> float:
        if momentum and info.data.get("optimiser") == "adam":
            raise ValueError("momentum is for optimiser: sgd")
        return momentum

    @field_validator("nesterov")
    @classmethod
    def _of_momentum(cls, nesterov: bool, info: ValidationInfo) -> bool:
        if nesterov and info.data.get("momentum") == 0:
            raise ValueError("nesterov needs a momentum above 0")
        return nesterov

    @field_validator("milestones", "factor")
    @classmethod
    def _of_steps(cls, value: Any, info: ValidationInfo) -> Any:
        if "schedule" in info.data and bool(value) != (info.data["schedule"] == "step"):
            raise ValueError("schedule: step, and no other, has milestones and a factor")
        return value

    @field_validator("milestones")
    @classmethod
    def _in_order(cls, milestones: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if any(later <= earlier for earlier, later in pairwise((*milestones, info.data.get("epochs", math.inf)))):
            raise ValueError("rising numbers below epochs are expected")
        return milestones

    @field_validator("warmup_epochs")
    @classmethod
    def _ends(cls, warmup_epochs: float, info: ValidationInfo) -> float:
        if warmup_epochs >= info.data.get("epochs", math.inf):
            raise ValueError("a number below epochs is expected")
        return warmup_epochs

    def factor_at(self, step: int, per_epoch: int) -> float:
        """What the learning rate is multiplied with in ``step`` (from 0), of ``per_epoch`` in an epoch."""
        steps, warmup = self.epochs * per_epoch, self.warmup_epochs * per_epoch
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if self.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
        if self.schedule == "step":
            return self.factor ** sum(step >= milestone * per_epoch for milestone in self.milestones)
        return 1.0


class Recipe(Training):
    """A training, and what to expect of it: ``accuracy`` on the test split, ``hours`` per seed on ``hardware``."""

    accuracy: Band
    hours: Positive
    hardware: str = Field(min_length=1)

    def training(self) -> dict[str, Any]:
        """The fields of Training, as JSON values: what a job is given, so that no expectation makes it stale."""
        return self.model_dump(mode="json", include=set(Training.model_fields))
