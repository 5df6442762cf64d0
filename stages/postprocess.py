"""Postprocess: Soft-NMS, and boxes back in pixels of the source frame."""

from typing import Any, ClassVar

from pipeline.stage import BasicStage, Context, Frame
from stages.kernels.detections import encode_detections
from stages.kernels.soft_nms import SoftNms
from stages.slot import DetectionBody, Slot


class Postprocess(BasicStage[None, DetectionBody]):
    """Reads `rois` and the frame's size; the detections travel on as the frame's body."""

    Options: ClassVar[type[Any]] = SoftNms
    produces = DetectionBody

    def __init__(self, options: SoftNms, context: Context) -> None:
        self._soft_nms = options

    def reconfigure(self, options: SoftNms) -> None:
        self._soft_nms = options

    def process(self, frame: Frame[None]) -> DetectionBody:
        slot = Slot(frame)
        detections = self._soft_nms.suppress(*slot.rois)
        in_frame = detections.to_frame(slot.network_wh, slot.frame_wh)
        return DetectionBody(encode_detections(in_frame))
