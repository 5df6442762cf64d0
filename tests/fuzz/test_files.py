"""Damaged model and video files, read by processes that may die of them and must not."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.model.model_file import ModelFileError, read_model_metadata
from tests.clips import draw
from tests.fuzz.read_damaged import PATIENCE_S
from tests.running_line import REPOSITORY

SIZE = (160, 120)
FRAMES = 40


def read_damaged(kind: str, file: Path, count: int) -> Counter[str]:
    """How many of so many damaged copies are read, and how many are refused."""
    command = [sys.executable, "-m", "tests.fuzz.read_damaged", kind, str(file), "0", str(count)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=REPOSITORY,
        timeout=PATIENCE_S * 5,
    )  # fmt: skip
    results = re.findall(r"^(\d+) (read|refused)$", done.stdout, re.M)
    assert done.returncode == 0, f"{kind} seed {len(results)}: {done.returncode} {done.stderr}"
    assert len(results) == count
    return Counter(result for _, result in results)


@pytest.mark.parametrize(
    ("name", "count"),
    [("tests/golden/tiny.onnx", 200), ("models/zoo/thundernet-snet49-street11.onnx", 12)],
)
def test_a_damaged_model_is_loaded_or_refused(
    repository: Path, tmp_path: Path, name: str, count: int
) -> None:
    model = Path(shutil.copy(repository / name, tmp_path))
    assert read_damaged("model", model, count)["refused"] > count // 2


def test_a_model_file_that_never_ends_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.onnx"
    with large.open("wb") as file:
        file.truncate(1 << 40)
    for path in (large, Path("/dev/zero"), tmp_path):
        with pytest.raises(ModelFileError, match="expected a regular file of at most"):
            read_model_metadata(path)


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mp4", "mp4v"), ("ts", "MPG2"), ("ts", "mp4v"), ("mjpeg", "MJPG"), ("avi", "MJPG")],
)
def test_a_damaged_video_is_read_as_far_as_it_goes_or_refused(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    path = tmp_path / f"video.{suffix}"
    fourcc = cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, 25.0, SIZE)
    noise = np.random.default_rng(1)
    for index in range(FRAMES):  # with detail, so that damage falls on images too
        texture = noise.integers(0, 30, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
        writer.write(cv2.add(draw(index, SIZE), texture))
    writer.release()
    assert path.stat().st_size > 50_000
    assert read_damaged("video", path, 40)["read"] > 5
