"""Archives are read as they are, or refused with their name and the member's; nothing is written anywhere."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ood.data import archives
from ood.data.archives import header, members, picture, strips, walk
from ood.errors import Problem

DATA = {"a/x.png": b"x", "a/b/y.png": b"yy", "a/.directory": b"hidden", "__MACOSX/a/._x.png": b"no", "c/z.png": b"zzz"}


def tar(path: Path, entries, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as file:
        for entry, data in entries:
            entry = entry if isinstance(entry, tarfile.TarInfo) else tarfile.TarInfo(entry)
            entry.size = len(data)
            file.addfile(entry, io.BytesIO(data))
    return path


def zipped(path: Path, entries) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries:
            file.writestr(name, data)
    return path


def special(kind: bytes, target: str = "/etc/passwd") -> tarfile.TarInfo:
    entry = tarfile.TarInfo("a/odd")
    entry.type, entry.linkname = kind, target
    return entry


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["w", "w:gz", "w:xz", "zip"])
def test_files_of_the_folders_by_their_names(tmp_path, form):
    path = tmp_path / "set.bin"
    path = zipped(path, DATA.items()) if form == "zip" else tar(path, DATA.items(), form)
    assert members(path, ["a"]) == {"b/y.png": b"yy", "x.png": b"x"}
    assert list(members(path, ["a", "c"])) == ["b/y.png", "x.png", "z.png"]
    assert members(path, ["nothing"]) == {}


@pytest.mark.parametrize("make", [tar, zipped])
def test_a_walk_goes_in_the_archives_order_and_into_archives_in_it(tmp_path, make):
    path = make(tmp_path / "set.bin", reversed(DATA.items()))
    assert list(walk(path, ["a", "c"])) == [("z.png", b"zzz"), ("b/y.png", b"yy"), ("x.png", b"x")]
    outer = tar(tmp_path / "outer.tar", [("class.bin", path.read_bytes()), ("broken.bin", b"<html>")], "w")
    steps = walk(outer, ["."])
    name, inner = next(steps)
    assert list(walk(outer / name, ["c"], inner)) == [("z.png", b"zzz")]
    name, inner = next(steps)
    with pytest.raises(Problem, match=r"outer\.tar/broken\.bin is damaged or no archive"):
        next(walk(outer / name, ["c"], inner))


def test_a_walk_yields_what_comes_before_the_damage(tmp_path):
    path = tar(tmp_path / "set.tar", [("a/1.png", bytes(20_000)), ("a/2.png", bytes(20_000))], "w")
    path.write_bytes(path.read_bytes()[:30_000])
    steps = walk(path, ["a"])
    assert next(steps) == ("1.png", bytes(20_000))
    with pytest.raises(Problem, match=r"set\.tar is damaged"):
        list(steps)


@pytest.mark.parametrize("name", ["../out.png", "a/../../out.png", "/out.png", "a\\..\\..\\out.png"])
@pytest.mark.parametrize("make", [tar, zipped])
def test_names_that_point_outside_are_refused(tmp_path, name, make):
    path = make(tmp_path / "evil.bin", [("a/x.png", b"x"), (name, b"evil")])
    with pytest.raises(Problem, match=r"evil\.bin: the member '.*out\.png' points outside"):
        members(path, ["a"])
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "is a link"),
        (tarfile.LNKTYPE, "is a link"),
        (tarfile.CHRTYPE, "is neither a file nor a folder"),
        (tarfile.FIFOTYPE, "is neither a file nor a folder"),
    ],
)
def test_links_and_devices_are_refused(tmp_path, kind, words):
    path = tar(tmp_path / "evil.tar.gz", [(special(kind), b"")])
    with pytest.raises(Problem, match=rf"evil\.tar\.gz: the member 'a/odd' {words}"):
        members(path, ["a"])


def test_a_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("a/odd")
    link.external_attr = 0o120777 << 16
    with pytest.raises(Problem, match="'a/odd' is a link"):
        members(zipped(tmp_path / "evil.zip", [(link, b"/etc/passwd")]), ["a"])


def test_an_encrypted_member_is_refused(tmp_path):
    path = zipped(tmp_path / "set.zip", [("a/x.png", b"x")])
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # the flags, beside the member and in the list of members
        content[content.index(mark) + place] |= 1
    path.write_bytes(content)
    with pytest.raises(Problem, match=r"set\.zip: the member 'a/x\.png' is encrypted\. Delete it and fetch it again"):
        members(path, ["a"])


@pytest.mark.parametrize("make", [tar, zipped])
def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch, make):
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED", 1 << 16)
    many = make(tmp_path / "many.bin", [(f"a/{place}.png", bytes(1 << 15)) for place in range(400)])
    with pytest.raises(Problem, match=r"many\.bin unpacks to more than 100 times its size"):
        members(many, ["a"])
    monkeypatch.setattr(archives, "LARGEST_MEMBER", 1 << 20)
    one = make(tmp_path / "one.bin", [("a/0.png", bytes((1 << 20) + 1))])
    with pytest.raises(Problem, match=r"one\.bin: the member 'a/0\.png' unpacks to 1,048,577 bytes"):
        members(one, ["a"])


@pytest.mark.parametrize("make", [tar, zipped])
def test_damage_is_named(tmp_path, make):
    rng = np.random.default_rng(0)
    path = make(tmp_path / "set.bin", [(f"a/{place}.png", rng.bytes(3000)) for place in range(20)])
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], b"<html>not found</html>", b""):
        path.write_bytes(broken)
        with pytest.raises(Problem, match=r"set\.bin is damaged or no archive"):
            members(path, ["a"])
    path.write_bytes(whole[:30_000] + bytes(100) + whole[30_100:])
    with pytest.raises(Problem, match=r"set\.bin is damaged or no archive"):
        members(path, ["a"])


def test_damage_inside_xz_is_named(tmp_path):
    path = tar(tmp_path / "set.tar.xz", [("a/x.png", np.random.default_rng(0).bytes(30_000))], "w:xz")
    whole = path.read_bytes()
    path.write_bytes(whole[:20_000] + bytes(100) + whole[20_100:])
    with pytest.raises(Problem, match=r"set\.tar\.xz is damaged or no archive"):
        members(path, ["a"])


def test_pictures_are_grey_or_rgb():
    grey, colour = np.arange(64, dtype=np.uint8).reshape(8, 8), np.zeros((8, 8, 3), np.uint8)
    assert np.array_equal(np.asarray(picture(png(grey), "x")), grey)
    assert np.array_equal(np.asarray(picture(png(colour), "x")), colour)
    palette = io.BytesIO()
    Image.fromarray(colour).convert("P").save(palette, "png")
    assert picture(palette.getvalue(), "x").mode == "RGB"


@pytest.mark.parametrize(
    ("form", "is_read"),
    [("jpeg", True), ("png", True), ("webp", True), ("gif", True), ("bmp", True), ("eps", False), ("tiff", False)],
)
def test_only_formats_that_the_sources_have_are_read_whatever_the_name(form, is_read):
    """Pillow has Ghostscript run what an EPS file says."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 255, np.uint8)).save(buffer, form)
    for read in (header, picture):
        if is_read:
            assert read(buffer.getvalue(), "a.jpg").size == (8, 8)
        else:
            with pytest.raises(Problem, match=r"^a\.jpg is no picture"):
                read(buffer.getvalue(), "a.jpg")


@pytest.mark.parametrize("keep", [0, 8, 300])
def test_a_damaged_picture_is_named(keep):
    jpeg = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(jpeg, "jpeg")
    with pytest.raises(Problem, match=r"set\.tar\[a/7\.jpg\] is no picture"):
        picture(jpeg.getvalue()[:keep], "set.tar[a/7.jpg]")


def test_strips_are_cut_in_order(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (250, 32, 32, 3), dtype=np.uint8)
    entries = []
    for place in range(0, 250, 100):
        column, buffer = images[place : place + 100], io.BytesIO()
        Image.fromarray(column.reshape(-1, 32, 3)).save(buffer, "webp", lossless=True, exact=True)
        entries.append((f"{place // 100:04d}.webp", buffer.getvalue()))
    path = tar(tmp_path / "strips.tar", entries[::-1], "w")  # the names decide, not the places in the archive
    assert np.array_equal(strips(path), images)


def test_a_file_that_is_no_tar_inside_gzip(tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(gzip.compress(b"plain words " * 100))
    with pytest.raises(Problem, match="damaged or no archive"):
        members(tmp_path / "set.tar.gz", ["a"])
