"""What a checkpoint's card says of its network, in words."""

from typing import Any


def network(card: dict[str, Any]) -> str:
    """Its name, its options and its size: ``resnet34 (width 16), 1,334,618 parameters``."""
    options = ", ".join(f"{key} {value}" for key, value in card["options"].items())
    return f"{card['network']}{f' ({options})' if options else ''}, {card['parameters']:,} parameters"
