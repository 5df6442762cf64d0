"""Detect: ThunderNet on the tensor of one frame."""

import msgspec

from pipeline.errors import FrameError, LineError
from pipeline.stage import BasicStage, Context, Frame
from stages.model.detector import Detector, InferenceError
from stages.model.model_file import ModelFileError
from stages.slot import Slot


class DetectOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: str
    threads: int


class Detect(BasicStage[None, None]):
    """Reads `tensor`, writes `rois`."""

    Options = DetectOptions

    def __init__(self, options: DetectOptions, context: Context) -> None:
        try:
            self._detector = Detector(options.model, options.threads)
        except ModelFileError as error:
            raise LineError(str(error)) from None

    def process(self, frame: Frame[None]) -> None:
        slot = Slot(frame)
        try:
            boxes_net, scores = self._detector.infer(slot.tensor)
        except InferenceError as error:
            raise FrameError(str(error)) from None
        slot.write_rois(boxes_net, scores)
