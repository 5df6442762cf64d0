"""A line with an adopted detector: letterboxed, decoded in its file (see make_adopted)."""

from pathlib import Path

import cv2
import numpy as np

from stages.model.detector import Detector
from stages.model.frame_detector import FrameDetector, make_soft_nms
from tests.conftest import StartLine
from tests.running_line import REPOSITORY

ADOPTED = REPOSITORY / "tests/golden/adopted.onnx"
# Corners of what is bright, in frames that are twice and four times as large as the input is wide.
BRIGHT = {"wide": ((128, 64), (32, 16, 48, 32)), "tall": ((128, 256), (64, 96, 96, 128))}


def draw(size: tuple[int, int], box: tuple[int, int, int, int]) -> np.ndarray:
    frame = np.zeros((size[1], size[0], 3), np.uint8)
    x1, y1, x2, y2 = box
    frame[y1:y2, x1:x2] = 255
    return frame


def test_detections_of_a_letterboxed_model_come_in_pixels_of_the_frame(
    start_line: StartLine, tmp_path: Path
) -> None:
    sources = []
    for name, (size, box) in BRIGHT.items():
        folder = tmp_path / name
        folder.mkdir()
        for number in range(3):
            cv2.imwrite(str(folder / f"{number}.png"), draw(size, box))
        sources.append(f"{{uri: {folder}, name: {name}}}")
    line = start_line("--model", ADOPTED, "--set", f"sources=[{', '.join(sources)}]")
    assert line.wait() == 0, line.stderr
    messages = line.messages()
    assert sorted(message.camera for message in messages) == ["tall"] * 3 + ["wide"] * 3
    for message in messages:
        (found,) = message.detections
        assert found.label == "person"
        assert found.score > 0.99
        assert found.box == BRIGHT[message.camera][1]


def test_the_same_in_one_process() -> None:
    detector = Detector(ADOPTED)
    detect = FrameDetector(detector, make_soft_nms(detector.metadata)).detect
    for size, box in BRIGHT.values():
        assert detect(draw(size, box)).boxes_xyxy.tolist() == [list(box)]
