"""Postprocess: Soft-NMS, and boxes back in pixels of the source frame."""

from pipeline.stage import BasicStage, Context, Frame
from stages.kernels.detections import encode_detections
from stages.kernels.fit import WARPED, Fit
from stages.kernels.soft_nms import SoftNms
from stages.slot import DetectionBody, Slot


class PostprocessOptions(SoftNms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    fit: Fit = WARPED  # how frames were brought to the network's size


class Postprocess(BasicStage[None, DetectionBody]):
    """Reads `rois` and the frame's size; the detections travel on as the frame's body."""

    Options = PostprocessOptions
    produces = DetectionBody

    def __init__(self, options: PostprocessOptions, context: Context) -> None:
        self._options = options

    def reconfigure(self, options: PostprocessOptions) -> None:
        self._options = options

    def process(self, frame: Frame[None]) -> DetectionBody:
        slot = Slot(frame)
        detections = self._options.suppress(*slot.rois)
        place = self._options.fit.place(slot.network_wh, slot.frame_wh)
        in_frame = detections.to_frame(place, slot.frame_wh)
        return DetectionBody(encode_detections(in_frame))
