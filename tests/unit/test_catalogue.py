"""The table of datasets: its rows as typed, and every broken row refused by line and column."""

import csv
import shutil

import pytest

from ood import catalogue
from ood.errors import Problem


def test_the_table_is_read_as_typed():
    found = catalogue.datasets()
    with catalogue.TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(found) == [row["dataset"] for row in rows]
    kept = found["digits_kept"]
    assert (kept.options, kept.size, kept.count, kept.seed) == ({"classes": [0, 1, 2, 4, 5, 7, 8]}, 8, 1253, 0)
    assert kept.splits == {"train": 0.6, "validation": 0.2, "test": 0.2}
    assert {row.kind for row in found.values()} == {"in-distribution", "near", "far"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("options", "{classes}"),
        ("splits", "[0.5]"),
        ("splits", '{"test": "half"}'),
        ("kind", "nearby"),
        ("size", "0"),
        ("count", "many"),
        ("seed", "-1"),
        ("sha256", "abc"),
        ("dataset", "My digits"),
        ("dataset", "digits"),
    ],
)
def test_a_broken_row_is_named(tmp_path, column, value):
    table = tmp_path / "copy.csv"
    shutil.copy(catalogue.TABLE, table)
    rows = list(csv.DictReader(table.open(newline="")))
    rows[2][column] = value
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(Problem, match=rf"copy\.csv, line 4.*{column}"):
        catalogue.datasets(table)


@pytest.mark.parametrize(("cells", "column"), [(4, "options"), (7, "splits"), (11, "description")])
def test_a_row_that_is_too_short_is_named(tmp_path, cells, column):
    table = tmp_path / "copy.csv"
    header, first, *_ = catalogue.TABLE.read_text().splitlines()
    faces = ["x", "X", "far", "faces", "{}", "8", "100", '"{""test"": 1}"', "3", "", "licence", "description"]
    table.write_text("\n".join([header, first, ",".join(faces[:cells])]) + "\n")
    with pytest.raises(Problem, match=rf"copy\.csv, line 3.*{column}"):
        catalogue.datasets(table)
