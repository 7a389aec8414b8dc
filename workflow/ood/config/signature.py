"""What options a network has and what it declares, from the source of its class: no check imports torch."""

import ast
from pathlib import Path
from typing import Any

from ood.errors import Problem, unknown

NETWORKS = Path(__file__).parents[1] / "networks"
# What values an option of a network may have, by its type: the integers count layers or channels.
ALLOWED = {"int": "an integer of at least 1", "float": "a number from 0 to below 1"}


def names() -> list[str]:
    """The networks that there are."""
    return [file.stem for file in NETWORKS.glob("[!_]*.py")]


def _class(module: str, name: str = "Network") -> list[ast.stmt]:
    """The statements of a class: a network's, or of the package itself their base class."""
    tree = ast.parse((NETWORKS / f"{module}.py").read_text())
    return next((node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name), [])


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
    match kind:
        case "int":
            return type(value) is int and value >= 1
        case "float":
            return type(value) in (int, float) and 0 <= value < 1
        case "bool" | "str":
            return type(value).__name__ == kind
    return True


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
            raise Problem(f"{place}.{option}: {value!r} is not allowed: {ALLOWED.get(kind, kind)} is expected.")


def _attributes(body: list[ast.stmt]) -> dict[str, ast.expr]:
    """By attribute of a class: its value."""
    assigned = [node for node in body if isinstance(node, ast.Assign | ast.AnnAssign) and node.value]
    return {
        ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0]): node.value
        for node in assigned
    }


def declared(name: str, attribute: str) -> Any:
    """What a network's class says of an attribute, or its base class for it.

    Raises Problem, naming the file, when neither says it or not as a literal.
    """
    try:
        return ast.literal_eval((_attributes(_class("__init__", "Classifier")) | _attributes(_class(name)))[attribute])
    except (KeyError, ValueError):
        raise Problem(
            f"workflow/ood/networks/{name}.py: {attribute} is read from the source, without running it. Give the class "
            f"'Network' a line '{attribute} = ...' with a plain value."
        ) from None


def channels(name: str, given: dict[str, Any]) -> tuple[int, bool]:
    """The channels of a network's input with these options, and whether they are one of its options."""
    options = _options(_class(name))
    if "channels" in options:
        return given.get("channels", ast.literal_eval(options["channels"][1])), True
    return declared(name, "channels"), False
