"""Every rule against the library that the field uses for it, or against its definition."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from ood.conversions import RULES

SIZES = [(32, 32), (64, 48), (57, 101), (33, 400), (150, 32)]  # width, height


def picture(width: int, height: int, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(width + height)
    small = rng.integers(0, 256, (height // 4 + 2, width // 4 + 2, channels), dtype=np.uint8).squeeze()
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def reference(rule: str, size: int) -> v2.Transform:
    bilinear = {"interpolation": v2.InterpolationMode.BILINEAR}
    return {
        "crop": v2.CenterCrop(size),
        "resize": v2.Compose([v2.Resize(size, **bilinear), v2.CenterCrop(size)]),
        "squash": v2.Resize((size, size), **bilinear),
    }[rule]


@pytest.mark.parametrize("rule", ["crop", "resize", "squash"])
@pytest.mark.parametrize(("width", "height"), [*SIZES, (20, 50), (28, 28)])
def test_rules_are_torchvisions(rule, width, height):
    pixels = picture(width, height)
    converted, _ = RULES[rule](pixels, 32, 3, rng())
    assert np.array_equal(converted, np.asarray(reference(rule, 32)(Image.fromarray(pixels))))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "corner"])
def test_grey_is_the_luminance_and_colour_repeats_it(rule):
    pixels = picture(32, 32)
    luminance = np.asarray(Image.fromarray(pixels).convert("L"))
    assert np.array_equal(RULES[rule](pixels, 32, 1, rng())[0][..., 0], luminance)
    repeated, _ = RULES[rule](luminance, 32, 3, rng())
    assert all(np.array_equal(repeated[..., channel], luminance) for channel in range(3))


@pytest.mark.parametrize("rule", ["crop", "resize", "random_crop", "box"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_boxes_say_what_was_taken(rule, width, height):
    pixels = picture(width, height)
    converted, (left, top, box_width, box_height) = RULES[rule](pixels, 32, 3, rng())
    assert 0 <= left <= left + box_width <= width and 0 <= top <= top + box_height <= height
    part = Image.fromarray(pixels[top : top + box_height, left : left + box_width])
    if rule in ("crop", "random_crop"):
        assert np.array_equal(converted, np.asarray(part))
    elif rule == "box":
        assert np.array_equal(converted, np.asarray(part.resize((32, 32), Image.Resampling.BOX)))
    else:  # the same part, but shrunk before it is cut: the same picture up to a pixel's width
        again = np.asarray(part.resize((32, 32), Image.Resampling.BILINEAR)).astype(float)
        assert np.abs(again - converted).mean() < 12


def test_random_crops_are_everywhere_and_repeat():
    pixels = np.arange(40 * 36, dtype=np.uint16).reshape(40, 36).astype(np.uint8)
    boxes = [RULES["random_crop"](pixels, 32, 1, np.random.default_rng(seed))[1][:2] for seed in range(600)]
    assert set(boxes) == {(left, top) for left in range(5) for top in range(9)}
    assert RULES["random_crop"](pixels, 32, 1, np.random.default_rng(3))[1][:2] == boxes[3]


def test_the_authors_conversion_between_mnist_and_colour():
    """Igoe et al.: a digit in the corner of a black canvas, three times; of colour the first channel's corner."""
    digit, colour = picture(28, 28, 1), picture(32, 32)
    canvas, box = RULES["corner"](digit, 32, 3, rng())
    expected = torch.zeros(3, 32, 32, dtype=torch.uint8)
    expected[:, :28, :28] = torch.from_numpy(digit.copy())
    assert torch.equal(torch.from_numpy(canvas).permute(2, 0, 1), expected) and box == (0, 0, 28, 28)
    grey, _ = RULES["corner"](colour, 28, 1, rng())
    assert np.array_equal(grey[..., 0], colour[:28, :28, 0])
    assert np.array_equal(RULES["corner"](colour, 32, 3, rng())[0], colour)
