"""What a line has recorded of a clip, held against the frames of the clip."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.client import DetectionMessage
from stages.kernels.pixels import Pixels
from tests.clips import is_of_frame, level


def assert_frames_in_order(messages: Sequence[DetectionMessage], frames: int | None = None) -> None:
    """Each frame once, with the result that belongs to it."""
    assert [m.frame_id for m in messages] == list(range(frames or len(messages)))
    assert [m.seq for m in messages] == [m.frame_id for m in messages]
    assert all(m.status == "ok" and not m.drops for m in messages)
    assert all(is_of_frame(m, m.frame_id) for m in messages)


def recorded_pictures(video: Path) -> Iterator[Pixels]:
    """The frames of a video (H, W, 3) in BGR."""
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
    while (frame := capture.read()[1]) is not None:
        yield np.asarray(frame, np.uint8)
    capture.release()


def recorded_levels(video: Path) -> list[float]:
    """The commonest grey of each frame of a video."""
    return [float(np.median(picture)) for picture in recorded_pictures(video)]


def assert_video_has_frames(video: Path, count: int) -> None:
    """Each of the first `count` frames, in order, and no more."""
    found = recorded_levels(video)
    assert len(found) == count
    wrong = [i for i, grey in enumerate(found) if abs(grey - level(i)) >= 5]
    assert not wrong, f"frames {wrong[:5]} of {count} are not where they belong"
