"""What is wrong with a value, as a sentence: the key, the value, what is allowed."""

import types
import typing
from typing import Any

from pydantic import BaseModel, ValidationError

from ood.errors import Problem, unknown


def _bare(annotation: Any) -> Any:
    """An annotation without its ``| None``."""
    return typing.get_args(annotation)[0] if isinstance(annotation, types.UnionType) else annotation


def _allowed(model: Any, path: tuple) -> list[str]:
    """Field names of the model that a path of keys leads to."""
    for key in path:
        model = _bare(model)
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[key].annotation
        elif isinstance(model, types.GenericAlias) or typing.get_origin(model):
            model = typing.get_args(model)[-1]
    model = _bare(model)
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def explain(error: ValidationError, model: type[BaseModel], prefix: str) -> Problem:
    """The first error as a sentence: the key, the value, what is allowed.

    An unknown key comes before all others: misspelt, it is why another one is missing.
    """
    errors = error.errors()
    first = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    path = tuple(part for part in first["loc"] if part != "[key]")
    key = ".".join(map(str, (*filter(None, [prefix]), *path)))
    if first["type"] == "extra_forbidden":
        return Problem(f"{key}: {unknown('key', str(path[-1]), _allowed(model, path[:-1]))}")
    if first["type"] == "missing":
        return Problem(f"{key}: this key is missing.")
    if first["type"] == "value_error" and isinstance(first["input"], dict):  # a whole entry, too long to be shown
        return Problem(f"{key}: {first['ctx']['error']}.")
    return Problem(f"{key}: {first['input']!r} is not allowed: {first['msg'][0].lower()}{first['msg'][1:]}.")
