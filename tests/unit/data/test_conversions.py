"""Every rule against the library that the field uses for it, or against its definition."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from ood.data.catalogue import datasets
from ood.data.conversions import RULES, converter
from ood.data.preprocessing import normalised, scaled

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


@pytest.mark.parametrize(("mean", "std"), [(0.1307, 0.3081), (0.5, 0.5), (0.0, 1.0)])
def test_the_authors_conversion_of_a_digit_for_a_network_of_colour(mean, std):
    """Igoe et al.: a normalised digit, three times, in the corner of zeros; pixels are whole, so half of one off."""
    digit = picture(28, 28, 1).copy()
    canvas, box = converter("corner", [mean] * 3)(digit, 32, 3, rng())
    assert canvas.dtype == np.uint8 and box == (0, 0, 28, 28)
    ours = normalised(scaled(torch.from_numpy(canvas)[None], 32), torch.tensor([mean] * 3), torch.tensor([std] * 3))
    loaded = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([mean], [std])])(digit)
    theirs = torch.zeros(1, 3, 32, 32)
    theirs[:, :, :28, :28] = loaded
    assert torch.allclose(ours[..., :28, :28], theirs[..., :28, :28], atol=1e-6)
    assert (ours - theirs).abs().max() <= 0.5 / 255 / std + 1e-6


def test_the_authors_border_is_not_black():
    mnist = datasets()["mnist_rgb_corner"]
    canvas, _ = converter("corner", mnist.mean)(picture(28, 28, 1), 32, 3, rng())
    assert set(canvas[28:].ravel()) | set(canvas[:, 28:].ravel()) == {33}
    assert (33 / 255 - mnist.mean[0]) / mnist.std[0] == pytest.approx(-0.004, abs=5e-4)  # black would be -0.42


def test_the_authors_conversion_of_colour_has_no_border():
    colour = picture(32, 32)
    grey, box = converter("corner", [0.5])(colour, 28, 1, rng())
    assert np.array_equal(grey[..., 0], colour[:28, :28, 0]) and box == (0, 0, 28, 28)
    assert np.array_equal(converter("corner", [0.5] * 3)(colour, 32, 3, rng())[0], colour)
