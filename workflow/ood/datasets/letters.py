"""Letters rendered from the fonts that matplotlib ships: white on black, like the digits, but no digits."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ood.datasets import Picture

# Without the letters that some font draws like a digit: O and o (0), I and l (1), Z and z (2), S and s (5),
# b (6), B (8), g and q (9).
LETTERS = "ACDEFGHJKLMNPQRTUVWXYacdefhijkmnprtuvwxy"
FOLDER = Path(matplotlib.get_data_path(), "fonts", "ttf")


def _glyph(font: ImageFont.FreeTypeFont, letter: str, side: int) -> np.ndarray:
    """The letter alone, centred on a black square, its longer side filling the square but for a 1/16 margin."""
    left, top, right, bottom = font.getbbox(letter)
    ink = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(ink).text((-left, -top), letter, fill=255, font=font)
    scale = side * 14 / 16 / max(ink.size)
    ink = ink.resize([max(1, round(length * scale)) for length in ink.size], Image.Resampling.BILINEAR)
    square = Image.new("L", (side, side))
    square.paste(ink, [(side - length) // 2 for length in ink.size])
    return np.asarray(square)


def pictures(
    files: list[Path], count: int, rng: np.random.Generator, fonts: list[str], side: int = 32
) -> Iterator[Picture]:
    """``count`` different (font, letter) pairs in random order, as ``side`` x ``side`` pixels."""
    pairs = [(font, letter) for font in fonts for letter in LETTERS]
    for place in rng.permutation(len(pairs))[:count]:
        name, letter = pairs[place]
        font = ImageFont.truetype(FOLDER / f"{name}.ttf", 64, layout_engine=ImageFont.Layout.BASIC)
        yield Picture(_glyph(font, letter, side), -1, f"{name}:{letter}", (0, 0, side, side))
