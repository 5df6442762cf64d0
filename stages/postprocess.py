"""Postprocess: Soft-NMS, and boxes back in pixels of the source frame."""

from typing import Any, ClassVar

from pipeline.stage import BasicStage, Context, Frame
from stages.kernels.boxes import boxes_to_frame
from stages.kernels.soft_nms import SoftNms
from stages.slot import encode_detections


class Postprocess(BasicStage):
    """Reads `boxes` and `scores`; the detections travel on as the frame's body."""

    Options: ClassVar[type[Any]] = SoftNms

    def __init__(self, options: SoftNms, context: Context) -> None:
        self._soft_nms = options

    def process(self, frame: Frame) -> bytes:
        rois = int(frame["rois"][0])
        found = self._soft_nms.suppress(frame["boxes"][:rois], frame["scores"][:rois])
        network_h, network_w = frame["tensor"].shape[:2]
        height, width = frame["frame"].shape[:2]
        boxes = boxes_to_frame(found.boxes_xyxy, (network_w, network_h), (width, height))
        return encode_detections(boxes, found.scores, found.class_ids)
