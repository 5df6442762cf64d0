"""The bare detector: frame to final detections on one core, and where the time goes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.kernels.boxes import boxes_to_frame
from stages.kernels.detections import Detections
from stages.kernels.drawing.boxes import draw_detections
from stages.kernels.resize import warp_into
from stages.model.detector import Detector
from stages.model.frame_detector import FrameDetector, make_soft_nms
from tests.benchmarks.street_frame import draw_frame
from tests.benchmarks.timing import measure, pinned

pytestmark = pytest.mark.bench

MODEL = "models/zoo/thundernet-snet49-street11.onnx"


@pytest.fixture(scope="module")
def model_path(repository: Path) -> Path:
    path = repository / MODEL
    if not path.exists():
        pytest.skip(f"no model at {MODEL}")
    return path


def scatter(width: int, height: int, count: int = 20) -> Detections:
    """Detections all over the frame."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, [width, height], (2, count, 2))
    boxes = np.hstack([corners.min(axis=0), corners.max(axis=0)]).astype(np.float32)
    class_ids = np.arange(count, dtype=np.int32) % 11
    return Detections(boxes, np.linspace(0.99, 0.3, count, dtype=np.float32), class_ids)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (1920, 1080)])
def test_detector_table(model_path: Path, width: int, height: int) -> None:
    frame = draw_frame(width, height)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    with pinned() as core:
        detector = Detector(model_path, threads=1)
        soft_nms = make_soft_nms(detector.metadata)
        tensor = detector.make_tensor()
        warp_into(frame, tensor)
        boxes, scores = detector.infer(tensor)
        found = FrameDetector(detector, soft_nms).detect(frame)
        calls: dict[str, Callable[[], object]] = {
            "warp": partial(warp_into, frame, tensor),
            "infer": partial(detector.infer, tensor),
            "Soft-NMS": partial(soft_nms.suppress, boxes, scores),
            "boxes to frame": partial(
                boxes_to_frame, found.boxes_xyxy, detector.metadata.input_wh, (width, height)
            ),
            "frame to detections": partial(FrameDetector(detector, soft_nms).detect, frame),
            "draw 20 boxes": partial(
                draw_detections, frame.copy(), scatter(width, height), detector.metadata.labels
            ),
        }
        timings = measure(calls, rounds=100)
    cv2.setNumThreads(threads)
    print(f"\n{width}x{height}, core {core}, {len(boxes)} RoIs, {len(found.scores)} detections")
    for name, t in timings.items():
        print(f"{name:>20} {t.median_ms:7.3f} ms  best {t.best_ms:7.3f}  p95 {t.p95_ms:7.3f}")
    whole = timings["frame to detections"]
    print(f"{'':>20} {1000 / whole.median_ms:5.1f} fps, best {1000 / whole.best_ms:5.1f}")
