"""How a command that people type begins and ends."""

import sys
from collections.abc import Callable
from typing import NoReturn

from ood.errors import Problem


def run(main: Callable[[], int | None]) -> NoReturn:
    """Leave the process with main's exit code (None: 0); of a Problem its text goes to stderr, and the code is 1."""
    try:
        sys.exit(main())
    except Problem as problem:
        sys.exit(str(problem))
