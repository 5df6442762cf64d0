"""A camera's worth of drawn frames, in memory and as a file."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.scene.street import Street, parse_scene_uri

FPS = 25
CLIP_FRAMES = 100


@pytest.fixture(scope="session")
def frames() -> list[np.ndarray]:
    street = Street(parse_scene_uri(f"scene://street?seed=7&width=1280&height=720&fps={FPS}"))
    drawn = [np.empty((720, 1280, 3), np.uint8) for _ in range(CLIP_FRAMES)]
    for i, frame in enumerate(drawn):
        street.draw(i, frame)
    return drawn


@pytest.fixture(scope="session")
def clip(frames: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 720p file, which takes as long to decode as a camera's stream."""
    path: Path = tmp_path_factory.mktemp("clip") / "street.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (1280, 720))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path
