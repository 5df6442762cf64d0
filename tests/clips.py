"""Small videos and folders of images: each frame can be told from its result.

Frame `i` is a flat grey of `level(i)`; the tiny model gives the brightest pixel as the score, so a
result says which frame it belongs to.
"""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from pipeline.client import DetectionMessage

_DARKEST, _STEP, _CYCLE = 90, 10, 16
Size = tuple[int, int]  # width, height


def level(index: int) -> int:
    return _DARKEST + _STEP * (index % _CYCLE)


def is_of_frame(message: DetectionMessage, index: int) -> bool:
    """Whether the scores are those of frame `index`, give or take what a codec does to a grey."""
    shown = [detection.score * 255 for detection in message.detections]
    return len(shown) == 2 and all(abs(value - level(index)) < _STEP / 2 for value in shown)


def draw(index: int, size: Size) -> np.ndarray:
    width, height = size
    return np.full((height, width, 3), level(index), np.uint8)


def make_clip(path: Path, frames: int, size: Size = (64, 48), fps: float = 25.0) -> Path:
    """Motion JPEG in AVI: its header announces the frames, and a part of it can be decoded."""
    codec = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, fps, size)
    assert writer.isOpened(), path
    for index in range(frames):
        writer.write(draw(index, size))
    writer.release()
    return path


def make_folder(path: Path, sizes: Iterable[Size]) -> Path:
    """One PNG a size, in this order."""
    path.mkdir()
    for index, size in enumerate(sizes):
        assert cv2.imwrite(str(path / f"{index:04}.png"), draw(index, size))
    return path
