"""What the pixels of a prepared set alone tell: its moments, and what it looks like."""

import numpy as np
from PIL import Image

SHEET = (4, 24)  # rows and columns of the contact sheet


def moments(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel of (N, H, W, C), of values in [0, 1]; exact, by counting values."""
    values = np.arange(256) / 255
    mean, std = [], []
    for channel in range(images.shape[-1]):
        share = np.bincount(images[..., channel].ravel(), minlength=256) / images[..., channel].size
        mean.append(float(share @ values))
        std.append(float(np.sqrt(share @ (values - mean[-1]) ** 2)))
    return mean, std


def contact_sheet(images: np.ndarray) -> Image.Image:
    """Evenly spaced images of (N, H, W, C) in a grid, each of its rows running through the whole set."""
    rows, columns = SHEET
    chosen = np.linspace(0, len(images) - 1, rows * columns).round().astype(int).reshape(columns, rows).T
    _, height, width, channels = images.shape
    grid = images[chosen].transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)
    return Image.fromarray(grid.squeeze())
