"""Where a cell's lineage stands: the page of its table or figure, and the place on it."""

import hashlib


def anchor(cell: str) -> str:
    """The anchor of a cell id: ten hex digits, as an id may hold signs that links may not."""
    return hashlib.sha256(cell.encode()).hexdigest()[:10]


def page(name: str) -> str:
    """The page of a table or figure, relative to the appendix."""
    return f"lineage/{name}.html"


def link(name: str, cell: str) -> str:
    """Where the lineage of a cell of a table or figure stands, relative to the appendix."""
    return f"{page(name)}#{anchor(cell)}"
