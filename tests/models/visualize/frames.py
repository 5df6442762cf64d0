"""Frames of one grey value, and images as files hold them."""

from pathlib import Path

import cv2
import numpy as np


def plain(width: int, height: int, value: int = 50) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def read_png(path: Path) -> np.ndarray:
    image = cv2.imread(str(path))
    assert image is not None, path
    return image
