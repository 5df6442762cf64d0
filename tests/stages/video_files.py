"""The content of a video file, for tests: as FFmpeg reads it, and box by box."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2

from tests.clips import level

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex")


class Shown(NamedTuple):
    fps: float
    announced: int  # frames, as the header says
    times_ms: list[float]
    greys: list[int]  # mean of each frame


def read_video(path: Path) -> Shown:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    shown = Shown(capture.get(cv2.CAP_PROP_FPS), announced, [], [])
    while (image := capture.read()[1]) is not None:
        shown.times_ms.append(round(capture.get(cv2.CAP_PROP_POS_MSEC), 2))
        shown.greys.append(round(float(image.mean())))
    capture.release()
    return shown


def assert_shows(greys: list[int], indices: list[int]) -> None:
    assert len(greys) == len(indices)
    for grey, index in zip(greys, indices, strict=True):
        assert abs(grey - level(index)) < 5


def walk(data: bytes, path: str = "") -> Iterator[tuple[str, bytes]]:
    """Every box of a file with its path, and its content; all sizes must add up."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        assert head <= size <= len(data) - at, (path, kind, size)
        content = data[at + head : at + size]
        yield f"{path}/{kind.decode()}", content
        if kind in _CONTAINERS:
            yield from walk(content, f"{path}/{kind.decode()}")
        at += size
