"""A training recipe as data: what config.yaml may say under ``recipes``."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Recipe(BaseModel):
    """SGD with momentum on the cross-entropy, learning rate warmed up linearly, then a cosine to 0 over all steps."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(gt=0)
    batch: int = Field(gt=1)
    learning_rate: Positive
    momentum: float = Field(ge=0, lt=1)
    nesterov: bool = False
    weight_decay: NotNegative
    warmup_epochs: NotNegative = 0
    shift: int = Field(0, ge=0, description="largest random shift of a training image, input pixels, zero padded")

    @model_validator(mode="after")
    def _warmup_ends(self) -> "Recipe":
        if self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs ({self.warmup_epochs:g}) must be below epochs ({self.epochs})")
        return self
