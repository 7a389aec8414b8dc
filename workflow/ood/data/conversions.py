"""From a picture of any size to one of a dataset's size and channels: the rules of workflow/resources/datasets.csv.

A rule maps a picture, uint8 (H, W) grey or (H, W, 3) colour, to uint8 (size, size, channels) and says which part of
the picture is in it, as left, top, width, height. The rules differ where papers and codes do, and that changes results.

============ ==========================================================================================================
rule         what it does, and where it stands
============ ==========================================================================================================
crop         central size x size pixels, zeros around a smaller picture: the released GAIA code, for every set
resize       short side to size (bilinear), then the central square: hendrycks/outlier-exposure, wetliu/energy_ood
squash       both sides to size (bilinear): deeplearning-wisc/react and knn-ood; also the conventional conversion
             between 28x28x1 and 32x32x3
random_crop  size x size pixels at a random place: how the ODIN authors made TinyImageNet (crop) and LSUN (crop)
box          the central square, each new pixel the mean of the area it covers
corner       the picture's top left corner, around a smaller one what is zero once the set is normalised; the first
             channel stands for grey, and grey for all three: cvigoe/EpiGrad, the code of Igoe et al., between 28x28x1
             and 32x32x3. There every set is normalised with its own constants, whatever network it goes to
             (``KEEPS_CONSTANTS``), and only then put on a canvas of zeros: in pixels, which are whole numbers, that is
             the one nearest to the set's mean (MNIST: 33, normalised -0.004)
original     none: the picture stays the file that it is, and each network brings it to its own input (ood.data.loading)
============ ==========================================================================================================

All but ``corner`` turn colour to grey by the luminance formula of ITU-R 601 (PIL mode L), and grey to colour by
repeating it.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from PIL import Image

ORIGINAL = "original"
KEEPS_CONSTANTS = ("corner",)
Box = tuple[int, int, int, int]
Rule = Callable[[np.ndarray, int, int, np.random.Generator], tuple[np.ndarray, Box]]


def _image(pixels: np.ndarray, channels: int) -> Image.Image:
    return Image.fromarray(pixels).convert("L" if channels == 1 else "RGB")


def _array(image: Image.Image) -> np.ndarray:
    return np.asarray(image).reshape(image.height, image.width, -1)


def _centre(image: Image.Image, size: int) -> Box:
    """Where torchvision's CenterCrop cuts: half a pixel is rounded to even."""
    return round((image.width - size) / 2), round((image.height - size) / 2), size, size


def _cut(image: Image.Image, box: Box) -> np.ndarray:
    """The box's pixels; zeros where it reaches over the picture's edge."""
    left, top, width, height = box
    return _array(image.crop((left, top, left + width, top + height)))


def crop(pixels: np.ndarray, size: int, channels: int, rng: np.random.Generator) -> tuple[np.ndarray, Box]:
    """The central pixels, as GAIA's released code has it."""
    image = _image(pixels, channels)
    box = _centre(image, size)
    return _cut(image, box), box


def random_crop(pixels: np.ndarray, size: int, channels: int, rng: np.random.Generator) -> tuple[np.ndarray, Box]:
    """A square of that size from anywhere in the picture."""
    image = _image(pixels, channels)
    left, top = (int(rng.integers(length - size + 1)) for length in image.size)
    return _cut(image, (left, top, size, size)), (left, top, size, size)


def resize(pixels: np.ndarray, size: int, channels: int, rng: np.random.Generator) -> tuple[np.ndarray, Box]:
    """The short side brought to ``size`` (bilinear), then the centre."""
    image = _image(pixels, channels)
    short = min(image.size)
    scaled = image.resize([int(size * length / short) for length in image.size], Image.Resampling.BILINEAR)
    left, top = (round((length - short) / 2) for length in image.size)
    return _cut(scaled, _centre(scaled, size)), (left, top, short, short)


def squash(pixels: np.ndarray, size: int, channels: int, rng: np.random.Generator) -> tuple[np.ndarray, Box]:
    """The whole picture brought to a square (bilinear), whatever its shape."""
    image = _image(pixels, channels)
    return _array(image.resize((size, size), Image.Resampling.BILINEAR)), (0, 0, *image.size)


def box(pixels: np.ndarray, size: int, channels: int, rng: np.random.Generator) -> tuple[np.ndarray, Box]:
    """The central square, brought to ``size`` by averaging over the pixels that each new one covers."""
    image = _image(pixels, channels)
    short = min(image.size)
    part = _centre(image, short)
    square = Image.fromarray(_cut(image, part).squeeze())
    return _array(square.resize((size, size), Image.Resampling.BOX)), part


def corner(
    pixels: np.ndarray, size: int, channels: int, rng: np.random.Generator, *, mean: Sequence[float]
) -> tuple[np.ndarray, Box]:
    """``mean``: the set's own, by channel, with which it will be normalised."""
    planes = pixels.reshape(*pixels.shape[:2], -1)[:size, :size]
    canvas = np.broadcast_to([round(255 * value) for value in mean], (size, size, channels)).astype(np.uint8)
    canvas[: planes.shape[0], : planes.shape[1]] = planes if planes.shape[2] == channels else planes[..., :1]
    return canvas, (0, 0, planes.shape[1], planes.shape[0])


RULES: dict[str, Callable[..., tuple[np.ndarray, Box]]] = {
    rule.__name__: rule for rule in (crop, resize, squash, random_crop, box, corner)
}


def converter(name: str, mean: Sequence[float]) -> Rule:
    """The rule of that name, for a set with this mean by channel, of which one that keeps constants is told."""
    return partial(RULES[name], mean=mean) if name in KEEPS_CONSTANTS else RULES[name]
