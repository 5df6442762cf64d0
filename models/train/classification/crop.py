"""Which part of an image a classifier sees: a random one in training, the centre in validation.

Windows are xyxy in parts of the image's width and height.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from models.train.classification.recipe import CropConfig

TRIES = 10  # as torchvision's RandomResizedCrop; the centre after that
NUMBERS_PER_TRY = 4  # area, aspect, x, y

Window = tuple[float, float, float, float]


def centre_window(wh: tuple[int, int], part: float) -> Window:
    """A square whose side is `part` of the shorter side."""
    side = part * min(wh)
    x, y = ((1 - side / edge) / 2 for edge in wh)
    return x, y, 1 - x, 1 - y


def random_window(noise: Sequence[Sequence[float]], wh: tuple[int, int], c: CropConfig) -> Window:
    """The first of up to TRIES random windows that fits; noise (TRIES, 4) in [0, 1)."""
    low, high = (math.log(bound) for bound in c.aspect)
    for area_noise, aspect_noise, x_noise, y_noise in noise:
        area = (c.area[0] + (c.area[1] - c.area[0]) * area_noise) * wh[0] * wh[1]
        aspect = math.exp(low + (high - low) * aspect_noise)
        width, height = math.sqrt(area * aspect) / wh[0], math.sqrt(area / aspect) / wh[1]
        if width <= 1 and height <= 1:
            x, y = (1 - width) * x_noise, (1 - height) * y_noise
            return x, y, x + width, y + height
    return centre_window(wh, 1.0)


def cut(pixels: np.ndarray, window: Window, size: int) -> np.ndarray:
    """The window of an image (H, W, 3) at `size` pixels per side, (size, size, 3)."""
    height, width = pixels.shape[:2]
    x1, y1 = (round(window[i] * edge) for i, edge in enumerate((width, height)))
    x2, y2 = (round(window[2 + i] * edge) for i, edge in enumerate((width, height)))
    x1, y1 = min(x1, width - 1), min(y1, height - 1)
    part = pixels[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
    # Averaging where it shrinks: bilinear reads every n-th pixel of a large photograph.
    shrinks = min(part.shape[:2]) > size
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(part, (size, size), interpolation=method)
