"""Keys that stand twice in a YAML file: of their values YAML takes the last, without a word."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from ood.errors import Problem


def _twice(node: yaml.Node | None, key: str = "") -> Iterator[tuple[str, int]]:
    """Keys that stand twice in one mapping, and the line of the second."""
    if isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield from _twice(value, f"{key}{place}.")
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for name, value in node.value:
            if name.value in seen:
                yield key + name.value, name.start_mark.line + 1
            seen.add(name.value)
            yield from _twice(value, f"{key}{name.value}.")


def once(file: Path) -> None:
    """Raise Problem for a key that stands twice, or for what is no YAML."""
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    try:
        tree = yaml.compose(file.read_text(), yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Problem(f"{shown} cannot be read: {error}") from None
    for key, line in _twice(tree):
        raise Problem(f"{shown}: {key}: this key stands twice, again in line {line}. Remove one of them.")
