"""What a PDF prints for each cell id, read back from the page.

``cells.sty`` puts every number between two operators of the page's own language, ``/Cell <</Of (ours) /Id (...)>> BDC``
and ``EMC``: marked content. What is shown between them is what the file says under that id, wherever it stands. Someone
who reads it may see something else: what is painted over a number, or beside it without such operators, is not read.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fontTools import agl
from pypdf import PageObject, PdfReader
from pypdf.generic import ContentStream, DictionaryObject

from ood.errors import Problem

TAG = "/Cell"
PLAIN = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2217": "*", "\u2019": "'", " ": None})  # as a font names them


class Mark(NamedTuple):
    """One printed number: its kind (ours, printed, difference, cited), id, text without spaces, and page from 1."""

    kind: str
    id: str
    text: str
    page: int


def plain(text: str) -> str:
    """A text as marks have it: without spaces, with the keyboard's minus, star and apostrophe."""
    return unicodedata.normalize("NFKC", text).translate(PLAIN)


def marks(pdf: Path) -> list[Mark]:
    """All printed numbers in the order of the pages. Raises Problem for a file that is no PDF, or a damaged one."""
    try:
        reader = PdfReader(pdf)
        return [mark for number, page in enumerate(reader.pages, start=1) for mark in _of_page(reader, page, number)]
    except Exception as error:  # whatever pypdf or its caller stumbles over in a damaged page
        said = f"{type(error).__name__}: {error}"
        raise Problem(f"{pdf} cannot be read as a PDF: {said}. Delete it and run again.") from None


def _of_page(reader: PdfReader, page: PageObject, number: int) -> Iterator[Mark]:
    fonts = {name: _letters(font.get_object()) for name, font in page["/Resources"].get("/Font", {}).items()}
    font: dict[int, str] = {}
    open_: list[Mark | None] = []
    for operands, operator in ContentStream(page.get_contents(), reader).operations:
        if operator == b"Tf":
            font = fonts[operands[0]]
        elif operator in (b"BDC", b"BMC"):
            about = operands[1] if operands[0] == TAG else None
            open_.append(
                Mark(_bytes(about["/Of"]).decode(), _bytes(about["/Id"]).decode(), "", number) if about else None
            )
        elif operator == b"EMC":
            if mark := open_.pop():
                yield mark
        elif operator in (b"Tj", b"TJ") and open_ and open_[-1]:
            shown = operands[0] if operator == b"TJ" else operands
            text = "".join(font[code] for part in shown if not isinstance(part, (int, float)) for code in _bytes(part))
            open_[-1] = open_[-1]._replace(text=open_[-1].text + plain(text))


def _bytes(string: object) -> bytes:
    return getattr(string, "original_bytes", string)


@cache
def _name(glyph: str) -> str:
    return agl.toUnicode(glyph.removeprefix("/")) or "?"


def _letters(font: DictionaryObject) -> dict[int, str]:
    """The character of each code, from the names that the font's encoding gives its glyphs; else Latin-1."""
    found = {code: chr(code) for code in range(256)}
    encoding = font["/Encoding"].get_object() if "/Encoding" in font else None
    code = 0
    for entry in encoding.get("/Differences", []) if isinstance(encoding, DictionaryObject) else []:
        if isinstance(entry, int):
            code = int(entry)
        else:
            found[code] = _name(str(entry))
            code += 1
    return found
