"""The tables of what the experiment is made of, resources/files.csv and resources/datasets.csv, read and checked."""

import ast
import csv
import io
import os
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ood.data.conversions import ORIGINAL, RULES
from ood.data.rows import Dataset, File, is_url
from ood.errors import Problem, unknown
from ood.ledger import record_path

RESOURCES = Path(__file__).parents[2] / "resources"
FILES, DATASETS = RESOURCES / "files.csv", RESOURCES / "datasets.csv"
SOURCES = Path(__file__).parents[1] / "datasets"
ARCHIVES = Path("results/archives")  # where fetched files lie, checked
MIRROR = "mirror"  # the folder that config.yaml names unless told otherwise; it need not be there
VARIABLE = "OOD_MIRROR"

Row = TypeVar("Row", bound=BaseModel)


def _read(table: Path, row_type: type[Row]) -> dict[str, Row]:
    """Every row by the value of its first column. Raises Problem naming the line and the column of a wrong one."""
    found: dict[str, Row] = {}
    try:
        text = table.read_text("utf-8-sig")  # spreadsheets put a mark before the first column
    except UnicodeDecodeError as error:
        raise Problem(f"{table.name} is not in UTF-8 ({error}). Save it as 'CSV UTF-8'.") from None
    reader = csv.DictReader(io.StringIO(text))
    for row in reader:
        place = f"{table.name}, line {reader.line_num}"
        if None in row:
            raise Problem(f"{place}: {len(row[None])} more cells than columns. Is a comma not quoted?")
        cut = next((column for column, value in row.items() if value is None), None)
        if cut:
            raise Problem(f"{place}, column '{cut}': the row ends before it.")
        try:
            parsed = row_type.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            where = f", column '{first['loc'][0]}'" if first["loc"] else ""
            raise Problem(f"{place}{where}: {first['msg']}") from None
        key = row[reader.fieldnames[0]]
        if key in found:
            raise Problem(f"{place}: {reader.fieldnames[0]} '{key}' is a duplicate.")
        found[key] = parsed
    return found


@cache
def files(table: Path = FILES) -> dict[str, File]:
    """Every row of files.csv by name. Raises Problem for a wrong one."""
    return _read(table, File)


def mirror_of(configured: str | None, must_exist: bool = False) -> str:
    """The folder or URL where files are looked for first: of the environment, else as configured; empty where none is.

    Raises Problem for a folder that must exist and does not, unless it is that of config.yaml as it comes.
    """
    given = os.environ.get(VARIABLE, configured or "")
    if not given or is_url(given):
        return given
    folder = Path(given).expanduser()
    if must_exist and given != MIRROR and not folder.is_dir():
        where = VARIABLE if VARIABLE in os.environ else "config.yaml: mirror"
        raise Problem(f"{where}: '{given}' is neither a folder nor a URL (https://...). Correct it, or leave it empty.")
    return str(folder)


def present(mirror: str) -> tuple[set[str], set[str]]:
    """The files that were fetched, and those that are at hand: these or in a mirror that is a folder, no URL.

    One of which there is the record alone, as in a run that came without its images, was fetched too.
    """
    fetched = {name for name in files() if (ARCHIVES / name).is_file() or record_path(ARCHIVES / name).is_file()}
    folder = None if not mirror or is_url(mirror) else Path(mirror)
    return fetched, fetched | {name for name in files() if folder and (folder / name).is_file()}


@cache
def _options(source: str, kind: str) -> dict[str, bool] | None:
    """Of a source's function ``kind``: its options, and whether each must be given; None where it has no such function.

    From its text: sources import what reads their format, which is not needed for this.
    """
    for node in ast.parse((SOURCES / f"{source}.py").read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name == kind:
            names = [argument.arg for argument in node.args.args[3:]]  # after files, count and rng
            return {name: place < len(names) - len(node.args.defaults) for place, name in enumerate(names)}
    return None


def _read_by(dataset: Dataset, place: str) -> None:
    """Raise Problem, beginning with ``place``, unless its options are those of its source."""
    known = _options(dataset.source, "encoded" if dataset.packed else "pictures")
    if known is None:  # ood.datasets.reader says so
        return
    for option in dataset.options:
        if option not in known:
            raise Problem(f"{place}: {unknown(f'option of {dataset.source}', option, known or ['none'])}")
    missing = [option for option, needed in known.items() if needed and option not in dataset.options]
    if missing:
        raise Problem(f"{place}: {dataset.source} also needs {', '.join(missing)}.")


@cache
def datasets(table: Path = DATASETS) -> dict[str, Dataset]:
    """Every row of datasets.csv by name. Raises Problem for a wrong one, or one that names what is not there."""
    found = _read(table, Dataset)
    sources = [file.stem for file in SOURCES.glob("[!_]*.py")]
    for name, dataset in found.items():
        named = [("file", file, files()) for names in dataset.files for file in names]
        named += [("rule", dataset.rule, [*RULES, ORIGINAL]), ("source", dataset.source, sources)]
        for kind, value, allowed in named:
            if value not in allowed:
                raise Problem(f"{table.name}, dataset '{name}': {unknown(kind, value, allowed)}")
        _read_by(dataset, f"{table.name}, dataset '{name}', column 'options'")
    return found
