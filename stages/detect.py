"""Detect: ThunderNet on the tensor of one frame."""

import msgspec
import numpy as np

from pipeline.errors import FrameError, LineError
from pipeline.stage import BasicStage, Context, Frame
from stages.model.detector import Detector, InferenceError
from stages.model.model_file import ModelFileError


class DetectOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: str
    threads: int


class Detect(BasicStage):
    """Reads `tensor`, writes `boxes`, `scores` and `rois`."""

    Options = DetectOptions

    def __init__(self, options: DetectOptions, context: Context) -> None:
        try:
            self._detector = Detector(options.model, options.threads)
        except ModelFileError as error:
            raise LineError(str(error)) from None

    def process(self, frame: Frame) -> bytes:
        try:
            boxes, scores = self._detector.infer(frame["tensor"])
        except InferenceError as error:
            raise FrameError(str(error)) from None
        rois = len(boxes)
        np.copyto(frame["boxes"][:rois], boxes)
        np.copyto(frame["scores"][:rois], scores)
        frame["rois"][0] = rois
        return b""
