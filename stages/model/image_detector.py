"""What is in an image, for programs that have one: names, scores and boxes."""

from pathlib import Path
from typing import NamedTuple

from stages.kernels.detections import Detections
from stages.kernels.pixels import Pixels
from stages.model.detector import Detector
from stages.model.frame_detector import FrameDetector, make_soft_nms


class FoundObject(NamedTuple):
    label: str
    score: float
    box: tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels of the image


class ImageDetector:
    """See `stages.model.load_detector`."""

    def __init__(self, path: Path | str, score_thresh: float | None, threads: int) -> None:
        detector = Detector(path, threads)
        self.labels = detector.metadata.labels
        self._detector = FrameDetector(detector, make_soft_nms(detector.metadata, score_thresh))

    def detect(self, image: Pixels) -> list[FoundObject]:
        """The objects in an image, best first.

        Args:
            image: (H, W, 3) uint8 in BGR, as OpenCV reads it.

        Raises:
            ResizeError: it is something else.
            InferenceError: the network failed.
        """
        return self.name(self.find(image))

    def find(self, image: Pixels) -> Detections:
        """The same as arrays."""
        return self._detector.detect(image)

    def name(self, found: Detections) -> list[FoundObject]:
        return [
            FoundObject(self.labels[class_id], score, (x1, y1, x2, y2))
            for (x1, y1, x2, y2), score, class_id, _ in found.iterate()
        ]
