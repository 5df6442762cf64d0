"""The whole path of one frame in one process: warp, infer, Soft-NMS, back to frame pixels.

The line spreads these four steps over processes; evaluation and benchmarks run them here, so that
the reported accuracy is that of the deployed steps.
"""

from stages.kernels.detections import Detections
from stages.kernels.fitter import fit_into
from stages.kernels.pixels import Pixels
from stages.kernels.soft_nms import SoftNms
from stages.model.detector import Detector
from stages.model.model_file import ModelMetadata


class FrameDetector:
    """Detections of frames of any size, one at a time."""

    def __init__(self, detector: Detector, soft_nms: SoftNms) -> None:
        self.detector = detector
        self.soft_nms = soft_nms
        self._tensor = detector.make_tensor()

    def detect(self, frame: Pixels) -> Detections:
        """What is in one BGR frame (H, W, 3), boxes in its own pixels."""
        card = self.detector.metadata
        fit_into(frame, self._tensor, card.fit)
        detections = self.soft_nms.suppress(*self.detector.infer(self._tensor))
        frame_wh = (frame.shape[1], frame.shape[0])
        return detections.to_frame(card.place(frame_wh), frame_wh)


def make_soft_nms(
    metadata: ModelMetadata, score_thresh: float | None = None, max_detections: int = 100
) -> SoftNms:
    """The model's own Soft-NMS, at its display threshold unless another one is given."""
    return SoftNms(
        method=metadata.soft_nms.method,
        iou_thresh=metadata.soft_nms.iou_thresh,
        sigma=metadata.soft_nms.sigma,
        score_thresh=metadata.score_thresh if score_thresh is None else score_thresh,
        max_detections=max_detections,
    )
