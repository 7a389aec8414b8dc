"""The tables of datasets and files: rows as typed, and every broken row refused by line and column."""

import csv
import shutil

import pytest

from ood.data import catalogue
from ood.data.rows import Dataset
from ood.errors import Problem

TABLES = {"datasets": (catalogue.DATASETS, catalogue.datasets), "files": (catalogue.FILES, catalogue.files)}


@pytest.mark.parametrize("table", TABLES)
def test_every_row_is_read(table):
    path, read = TABLES[table]
    with path.open(newline="") as file:
        assert list(read()) == [next(iter(row.values())) for row in csv.DictReader(file)]


def test_rows_are_read_as_typed():
    kept = catalogue.datasets()["digits_kept"]
    assert (kept.options, kept.size, kept.count, kept.seed) == ({"classes": [0, 1, 2, 4, 5, 7, 8]}, 8, 1253, 0)
    assert kept.splits == {"train": 0.6, "validation": 0.2, "test": 0.2} and kept.normalisation is None
    cifar = catalogue.datasets()["cifar10"]
    assert cifar.normalisation == ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]) and cifar.channels == 3
    assert cifar.own_normalisation is None
    converted = catalogue.datasets()["svhn_grey_corner"]  # as by the code of Igoe et al., for MNIST's network
    assert converted.own_normalisation == ([0.5], [0.5])
    assert catalogue.datasets()["svhn_grey_resize"].own_normalisation is None
    sun = catalogue.datasets()["sun"]
    assert (sun.packed, sun.size, sun.shape) == (True, None, "encoded pictures") and not cifar.packed
    archive = catalogue.files()["cifar-10-binary.tar.gz"]
    assert (archive.bytes, archive.items, archive.papers) == (170_052_171, 60_000, ["gaia", "igoe"])
    assert catalogue.files()["dtd-r1.0.1.tar.gz"].bytes is None
    assert {row.kind for row in catalogue.datasets().values()} == {"in-distribution", "near", "far"}


def test_plain_http_is_tried_last():
    """Some files have no digest, some only the first digits of one: whoever is on the way could send another."""
    for row in catalogue.files().values():
        plain = [url.startswith("http:") for url in row.urls]
        assert plain == sorted(plain) and (not plain or not plain[0]), row.file


def test_of_alternative_files_those_at_hand_are_taken():
    cifar = catalogue.datasets()["cifar10"]
    official, columns = cifar.files
    assert cifar.needs(set()) == official == ["cifar-10-binary.tar.gz"]
    assert cifar.needs(set(columns)) == columns and cifar.needs({*columns, *official}) == official
    assert cifar.needs(set(columns[1:])) == official
    assert cifar.needs(set(columns), {*columns, *official}) == columns
    assert cifar.needs(set(columns[1:]), {*columns, *official}) == official
    assert catalogue.datasets()["digits"].needs(set()) == []


def test_what_was_fetched_comes_before_what_a_mirror_has(tmp_path, monkeypatch):
    """Another form of the same data, put into the mirror later, is not taken: it would make stale what there is."""
    monkeypatch.chdir(tmp_path)
    cifar = catalogue.datasets()["cifar10"]
    official, columns = cifar.files
    for path in (catalogue.ARCHIVES / name for name in columns):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / official[0]).touch()
    assert cifar.needs(*catalogue.present("mirror")) == columns
    assert catalogue.present("mirror")[1] == {*official, *columns} and not catalogue.present("")[1] - set(columns)
    (catalogue.ARCHIVES / columns[0]).unlink()
    assert cifar.needs(*catalogue.present("mirror")) == official


@pytest.mark.parametrize(
    ("environment", "configured", "mirror"),
    [
        (None, None, ""),
        (None, "mirror", "mirror"),
        (None, "~/m", "HOME/m"),
        ("", "mirror", ""),
        ("~/m", "mirror", "HOME/m"),
        ("mirror", "~/m", "mirror"),
        ("https://a.b/~c", "mirror", "https://a.b/~c"),
    ],
)
def test_the_mirror_is_the_environment_s_or_else_the_configured_one(
    tmp_path, monkeypatch, environment, configured, mirror
):
    """A home folder is written out; the folder that config.yaml names as it comes need not be there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "m").mkdir()
    monkeypatch.delenv("OOD_MIRROR", raising=False)
    if environment is not None:
        monkeypatch.setenv("OOD_MIRROR", environment)
    assert catalogue.mirror_of(configured, must_exist=True) == mirror.replace("HOME", str(tmp_path))


def test_a_mirror_that_is_neither_a_folder_nor_a_url_is_named_where_it_is_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OOD_MIRROR", raising=False)
    with pytest.raises(Problem, match=r"^config.yaml: mirror: 'mirorr' is neither a folder nor a URL"):
        catalogue.mirror_of("mirorr", must_exist=True)
    assert catalogue.mirror_of("mirorr") == "mirorr"
    monkeypatch.setenv("OOD_MIRROR", "http:/a.b")
    with pytest.raises(Problem, match=r"^OOD_MIRROR: 'http:/a.b' is neither a folder nor a URL"):
        catalogue.mirror_of("mirror", must_exist=True)


def broken(tmp_path, table: str, column: str, value: str):
    """A copy of a table with one value of its third row changed."""
    copy = tmp_path / "copy.csv"
    shutil.copy(TABLES[table][0], copy)
    rows = list(csv.DictReader(copy.open(newline="")))
    rows[2][column] = value
    with copy.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return copy


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("datasets", "options", "{classes}"),
        ("datasets", "splits", "[0.5]"),
        ("datasets", "splits", '{"test": "half"}'),
        ("datasets", "title", "R&D"),
        ("datasets", "title", "a_b"),
        ("datasets", "kind", "nearby"),
        ("datasets", "size", "0"),
        ("datasets", "channels", "2"),
        ("datasets", "channels", "three"),
        ("datasets", "count", "many"),
        ("datasets", "seed", "-1"),
        ("datasets", "mean", "0.5 half"),
        ("datasets", "sha256", "abc"),
        ("datasets", "dataset", "My digits"),
        ("datasets", "dataset", "digits"),
        ("files", "file", "../cifar.tar"),
        ("files", "file", "/cifar.tar"),
        ("files", "file", "cifar.tar;touch x"),
        ("files", "file", "$(touch x)"),
        ("files", "file", "my cifar.tar"),
        ("files", "file", "cifar-10-binary.tar.gz"),
        ("files", "urls", "ftp://example.org/x"),
        ("files", "urls", "file:///etc/passwd"),
        ("files", "digest", "md5:abc"),
        ("files", "digest", "c58f30108f718f92721af3b95e74349a"),
        ("files", "bytes", "170 MB"),
    ],
)
def test_a_broken_row_is_named(tmp_path, table, column, value):
    with pytest.raises(Problem, match=rf"copy\.csv, line 4.*{column}"):
        TABLES[table][1](broken(tmp_path, table, column, value))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("files", "cifar10.tar", "unknown file 'cifar10.tar'"),
        ("rule", "croop", "unknown rule 'croop'. Did you mean 'crop'"),
        ("source", "digit", "unknown source 'digit'. Did you mean 'digits'"),
        ("std", "0.5", "mean and std: one number per channel"),
        ("size", "", "an empty size goes with the rule 'original'"),
        ("rule", "original", "an empty size goes with the rule 'original'"),
        ("rule", "corner", "mean and std are expected for the rule 'corner'"),
    ],
)
def test_a_row_that_names_nothing_is_named(tmp_path, column, value, message):
    with pytest.raises(Problem, match=r"copy\.csv") as problem:
        catalogue.datasets(broken(tmp_path, "datasets", column, value))
    assert message in str(problem.value)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("archive", '{"foldres": ["a"], "of": 9}', "unknown option of archive 'foldres'. Did you mean 'folders'?"),
        ("archive", '{"folders": ["a"]}', "archive also needs of."),
        ("crops", '{"names": ["moon"]}', "crops also needs sides."),
        ("faces", '{"of": 9}', "unknown option of faces 'of'. Allowed: none."),
        ("digits", '{"class": [3]}', "unknown option of digits 'class'. Did you mean 'classes'? Allowed: classes."),
    ],
)
def test_options_that_the_source_does_not_have_or_lacks_are_named(tmp_path, source, options, message):
    copy = broken(tmp_path, "datasets", "options", options)
    copy.write_text(copy.read_text().replace("near,digits,", f"near,{source},"))
    with pytest.raises(Problem) as problem:
        catalogue.datasets(copy)
    assert str(problem.value).startswith(f"copy.csv, dataset 'digits_heldout', column 'options': {message}")


def test_options_of_encoded_pictures_are_those_of_the_function_that_reads_them(tmp_path):
    copy = tmp_path / "copy.csv"
    copy.write_text(catalogue.DATASETS.read_text().replace('{""per_class"": 50}', '{""per_clas"": 50}'))
    with pytest.raises(Problem, match=r"'imagenet', column 'options': unknown option of imagenet 'per_clas'. Did you"):
        catalogue.datasets(copy)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_a_spreadsheet_saved_is_read_or_refused_in_words(tmp_path, table):
    path, read = TABLES[table]
    text = path.read_text().replace("\n", "\r\n")
    marked, latin = tmp_path / "marked.csv", tmp_path / "latin.csv"
    marked.write_bytes(text.encode("utf-8-sig"))
    assert read(marked) == read()
    latin.write_bytes(text.replace("CIFAR", "Köthe").encode("latin-1"))
    with pytest.raises(Problem, match=r"latin\.csv is not in UTF-8 \(.*byte 0xf6.*\)\. Save it as 'CSV UTF-8'"):
        read(latin)


@pytest.mark.parametrize("column", ["options", "size", "splits", "description"])
def test_a_row_that_is_too_short_is_named(tmp_path, column):
    """It ends before ``column``."""
    table = tmp_path / "copy.csv"
    header, first, *_ = catalogue.DATASETS.read_text().splitlines()
    row = dict.fromkeys(Dataset.model_fields, "") | {
        **{"dataset": "x", "title": "X", "kind": "far", "source": "faces", "options": "{}", "rule": "box", "size": "8"},
        **{"channels": "1", "count": "100", "splits": '"{""test"": 1}"', "seed": "3", "licence": "licence"},
    }
    table.write_text("\n".join([header, first, ",".join(list(row.values())[: list(row).index(column)])]) + "\n")
    with pytest.raises(Problem, match=rf"copy\.csv, line 3.*{column}"):
        catalogue.datasets(table)
