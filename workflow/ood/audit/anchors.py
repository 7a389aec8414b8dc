"""Where a cell's lineage stands: the page of its artifact, and the place on it."""

import hashlib


def anchor(cell: str) -> str:
    """The anchor of a cell id: ten hex digits, as an id may hold signs that links may not."""
    return hashlib.sha256(cell.encode()).hexdigest()[:10]


def link(cell: str) -> str:
    """Where a cell's lineage stands, relative to the appendix."""
    return f"lineage/{cell.partition('/')[0]}.html#{anchor(cell)}"
