"""What options a network has, from the source of its class: a configuration is checked without importing torch."""

import ast
from pathlib import Path
from typing import Any

from ood.errors import Problem, unknown

NETWORKS = Path(__file__).parents[1] / "networks"
CHANNELS = 3  # of a network that does not say otherwise, as in its base class
TYPES = {"int": int, "float": (int, float), "bool": bool, "str": str}


def names() -> list[str]:
    """The networks that there are."""
    return [file.stem for file in NETWORKS.glob("[!_]*.py")]


def _class(name: str) -> list[ast.stmt]:
    """The statements of a network's class."""
    tree = ast.parse((NETWORKS / f"{name}.py").read_text())
    return next((node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Network"), [])


def _defines(name: str, *methods: str) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name in methods for node in _class(name))


def blocks(name: str) -> bool:
    """Whether a network says which its blocks are."""
    return _defines(name, "blocks")


def saliency(name: str) -> bool:
    """Whether a network says where LayerCAM looks: at the ends of its blocks, or elsewhere."""
    return _defines(name, "blocks", "saliency_layers")


def _options(body: list[ast.stmt]) -> dict[str, tuple[str, str]]:
    """By option: its type and its default, as they are written."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            arguments = node.args.args[2:]  # after self and the number of classes
            types = [ast.unparse(argument.annotation) if argument.annotation else "" for argument in arguments]
            defaults = [ast.unparse(default) for default in node.args.defaults]  # of the last ones
            defaults = ["None"] * (len(arguments) - len(defaults)) + defaults
            return {argument.arg: about for argument, *about in zip(arguments, types, defaults, strict=True)}
    return {}


def _fits(value: Any, kind: str) -> bool:
    if isinstance(value, bool):  # which Python takes for an int as well
        return kind not in TYPES or kind == "bool"
    return isinstance(value, TYPES.get(kind, object))


def check(place: str, name: str, given: dict[str, Any]) -> None:
    """Raise Problem, beginning with ``place``, unless these are options of the network and of their types."""
    known = _options(_class(name))
    for option, value in given.items():
        if not known:
            raise Problem(f"{place}.{option}: the network '{name}' has no options. Remove it.")
        if option not in known:
            raise Problem(f"{place}: {unknown(f'option of {name}', option, known)}")
        kind, _ = known[option]
        if not _fits(value, kind):
            raise Problem(f"{place}.{option}: {value!r} is not allowed: {kind} is expected.")


def channels(name: str, given: dict[str, Any]) -> tuple[int, bool]:
    """The channels of a network's input with these options, and whether they are one of its options."""
    body = _class(name)
    options = _options(body)
    if "channels" in options:
        return given.get("channels", ast.literal_eval(options["channels"][1])), True
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "channels":
            return ast.literal_eval(node.value), False
    return CHANNELS, False
