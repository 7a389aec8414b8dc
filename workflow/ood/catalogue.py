"""The table of datasets, resources/datasets.csv."""

import csv
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ood.errors import Problem

TABLE = Path(__file__).parents[1] / "resources" / "datasets.csv"


class Dataset(BaseModel):
    """One row: what a prepared set is made of. ``sha256`` is over the per-image digests, empty while unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    kind: Literal["in-distribution", "near", "far"]
    source: str
    options: dict[str, Any]
    size: int = Field(gt=0)
    count: int = Field(gt=0)
    splits: dict[str, float]
    seed: int = Field(ge=0)
    sha256: str = Field(pattern=r"^([0-9a-f]{64})?$")
    licence: str
    description: str

    @field_validator("options", "splits", mode="before")
    @classmethod
    def _parse(cls, text: str | None) -> Any:
        if text is None:
            raise ValueError("the row ends before this column")
        return json.loads(text)

    @field_validator("splits")
    @classmethod
    def _shares(cls, splits: dict[str, float]) -> dict[str, float]:
        if "test" not in splits or min(splits.values()) <= 0:
            raise ValueError("shares above 0 are expected, one of them for 'test'")
        return splits


def datasets(table: Path = TABLE) -> dict[str, Dataset]:
    """Every row by name. Raises Problem naming the line and the column for a row that is not right."""
    found: dict[str, Dataset] = {}
    with table.open(newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            place = f"{table.name}, line {reader.line_num}"
            if None in row:
                raise Problem(f"{place}: {len(row[None])} more cells than columns. Is a comma not quoted?")
            try:
                dataset = Dataset.model_validate(row)
            except ValidationError as error:
                first = error.errors()[0]
                raise Problem(f"{place}, column '{first['loc'][0]}': {first['msg']}") from None
            if dataset.dataset in found:
                raise Problem(f"{place}: dataset '{dataset.dataset}' is there twice.")
            found[dataset.dataset] = dataset
    return found
