"""A film of frames of one brightness each."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

WH = (100, 80)


def write_film(path: Path, values: Sequence[int]) -> Path:
    """An AVI of Motion JPEG, a frame for each grey value."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, WH)
    for value in values:
        writer.write(np.full((*WH[::-1], 3), value, np.uint8))
    writer.release()
    return path
