"""The one exception that is meant for the user."""

import difflib
from collections.abc import Iterable


class Problem(Exception):
    """What is wrong, in which file or key, and what to do about it.

    A step that raises it ends with this text alone; any other exception ends with its traceback.
    """


def unknown(kind: str, value: str, allowed: Iterable[str]) -> str:
    """Say that ``value`` is no ``kind``, what is allowed, and the nearest right spelling."""
    allowed = sorted(allowed)
    near = difflib.get_close_matches(value, allowed, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"unknown {kind} '{value}'.{hint} Allowed: {', '.join(allowed)}."
