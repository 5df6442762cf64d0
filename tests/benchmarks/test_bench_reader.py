"""What reading a file costs, beside OpenCV's reader, and what a limited rate saves."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.source import EndOfSource
from stages.kernels.picture import Picture
from stages.readers.file import FileReader
from tests.benchmarks.report import Row, report
from tests.benchmarks.timing import pinned
from tests.stages.readers.coded_clips import make_coded

pytestmark = pytest.mark.bench

_ROUNDS = 3


def read_planes(path: Path, fps: float | None = None) -> int:
    reader = FileReader(f"file:{path}", name=path.name, fps=fps)
    form = reader.open(0)
    picture = Picture(form, np.zeros(form.nbytes, np.uint8))
    count = 0
    try:
        while True:
            reader.read(picture)
            count += 1
    except EndOfSource:
        return count
    finally:
        reader.close()


def read_bgr(path: Path) -> int:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    frame, count = None, 0
    while True:
        there, frame = capture.read(frame)
        if not there:
            return count
        count += 1


def cpu_ms(call: Callable[[], int], frames: int) -> float:
    """Processor time per frame of the file, the best of some rounds."""
    taken = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        call()
        taken.append(1000 * (time.process_time() - start) / frames)
    return min(taken)


def draw_clip(path: Path, size: tuple[int, int], codec: str, group: int) -> Path:
    from stages.scene.street import Street, parse_scene_uri

    width, height = size
    street = Street(parse_scene_uri(f"scene://street?seed=7&width={width}&height={height}&fps=25"))

    def draw(index: int, _: object) -> np.ndarray:
        frame = np.empty((height, width, 3), np.uint8)
        street.draw(index, frame)
        return frame

    options = {"g": str(group)} if codec == "libx264" else {}
    return make_coded(path, codec, range(100), size=size, options=options, picture=draw)


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_a_frame_costs_less_than_with_opencv(tmp_path: Path, size: tuple[int, int]) -> None:
    path = draw_clip(tmp_path / "clip.mp4", size, "libx264", 25)
    with pinned():
        planes = cpu_ms(lambda: read_planes(path), 100)
        bgr = cpu_ms(lambda: read_bgr(path), 100)
    rows: list[Row] = [
        {"reader": "planes into the slot", "CPU ms per frame": planes, "ratio": planes / bgr},
        {"reader": "OpenCV, BGR", "CPU ms per frame": bgr, "ratio": 1.0},
    ]
    report(f"reader-{size[1]}p", f"Reading H.264, {size[0]}x{size[1]}", rows)


def test_a_limited_rate_saves_decoding(tmp_path: Path) -> None:
    rows: list[Row] = []
    for name, codec, group in [("H.264, key frame each second", "libx264", 25),
                               ("H.264, key frame each ten", "libx264", 250),
                               ("MJPEG", "mjpeg", 1)]:  # fmt: skip
        path = draw_clip(tmp_path / f"{codec}-{group}.mkv", (1280, 720), codec, group)
        row: Row = {"file": name}
        with pinned():
            for fps in (25.0, 5.0, 1.0, 0.5):
                row[f"{fps:g} fps"] = cpu_ms(partial(read_planes, path, fps), 100)
        rows.append(row)
    report("reader-fps", "CPU ms per frame of a 720p file at 25 fps, with `fps` below", rows)
