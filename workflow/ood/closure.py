"""Which code does a job run? The import closure of a module inside ``ood``, and its digest.

Snakemake notices neither a changed module behind ``python -m`` nor, after a clone, that nothing changed. So each
rule carries this digest as a parameter, and each record repeats it: editing a module reruns exactly the jobs whose
closure holds it, and touching, cloning or checking out reruns none.

The frame that every job runs in is in no closure: it hands files to a step and takes them back as they are, and what
comes out does not hang on it. A better message or a fix in the records is no reason to train networks again.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
LOCK = Path("envs/requirements.lock")
FRAME = ("step", "ledger", "closure", "progress", "errors")  # how a job is run, recorded and told of


def file_of(module: str) -> Path | None:
    """The source file of a dotted name in ``ood``; None when the name is no module (a function in one, say)."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def imports(source: str) -> Iterator[str]:
    """Absolute names that a piece of Python imports from ``ood``, at any depth (functions included)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == PACKAGE.name)


@cache
def _edges(file: Path) -> tuple[str, ...]:
    return tuple(imports(file.read_text()))


def closure(*roots: str) -> dict[str, Path]:
    """Modules reached from ``roots`` by imports inside ``ood`` but not through its frame: dotted name -> file, sorted.

    A package's ``__init__`` belongs to the closure of each of its modules, as Python runs it on import. A root may
    also be the path of a ``.py`` file outside the package (a notebook). Raises FileNotFoundError for a root that is
    neither.
    """
    found: dict[str, Path] = {}
    queue, frame = list(roots), {f"{PACKAGE.name}.{name}" for name in FRAME} - set(roots)
    for root in roots:
        if not root.endswith(".py") and file_of(root) is None:
            raise FileNotFoundError(f"no module '{root}' in {PACKAGE}")
    while queue:
        name = queue.pop()
        file = Path(name) if name.endswith(".py") else file_of(name)
        if name in found or name in frame or file is None:
            continue
        found[name] = file
        queue += _edges(file)
        if not name.endswith(".py"):
            queue += [name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)]
    return dict(sorted(found.items()))


@cache
def digest(*roots: str) -> str:
    """sha256 over the closure's names and sources and over the environment's lock, 16 hex digits."""
    total = hashlib.sha256(LOCK.read_bytes())
    for name, file in closure(*roots).items():
        total.update(f"{name}\0".encode() + file.read_bytes() + b"\0")
    return total.hexdigest()[:16]
