"""Overlay: boxes, labels, scores, rate and age drawn on a copy of the frame."""

import msgspec

from pipeline.realtime import monotonic_ns
from pipeline.stage import BasicStage, Context, Frame
from stages.kernels.colour import to_bgr
from stages.kernels.detections import decode_detections
from stages.kernels.draw import draw_caption, draw_detections
from stages.slot import DetectionBody, Slot

_SMOOTHING = 0.1  # weight of the newest interval in the rate shown: about ten frames
_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000


class OverlayOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    labels: tuple[str, ...]


class Overlay(BasicStage[DetectionBody, None]):
    """Reads `frame` and the detections in its body, writes `canvas`."""

    Options = OverlayOptions
    consumes = DetectionBody

    def __init__(self, options: OverlayOptions, context: Context) -> None:
        self._labels = options.labels
        self._rates = {camera: FrameRate() for camera in context.run.cameras}

    def process(self, frame: Frame[DetectionBody]) -> None:
        slot = Slot(frame)
        to_bgr(slot.picture, slot.canvas)
        draw_detections(slot.canvas, decode_detections(frame.body.encoded), self._labels)
        self._caption(frame)

    def pass_failed(self, frame: Frame[DetectionBody | None]) -> None:
        slot = Slot(frame)
        to_bgr(slot.picture, slot.canvas)
        self._caption(frame)

    def _caption(self, frame: Frame[DetectionBody | None]) -> None:
        rate = self._rates[frame.camera].count(frame.ref.captured_ns)
        age_ms = (monotonic_ns() - frame.ref.captured_ns) / _NS_PER_MS
        draw_caption(Slot(frame).canvas, frame.camera, rate, age_ms)


class FrameRate:
    """Frames per second as they were captured, smoothed."""

    def __init__(self) -> None:
        self._last_ns = 0
        self._interval_ns = 0.0

    def count(self, captured_ns: int) -> float:
        """Count one more frame; returns the rate, which is 0 until there are two frames."""
        interval_ns = captured_ns - self._last_ns
        if self._last_ns and interval_ns > 0:
            weight = _SMOOTHING if self._interval_ns else 1.0
            self._interval_ns += weight * (interval_ns - self._interval_ns)
        self._last_ns = captured_ns
        return _NS_PER_S / self._interval_ns if self._interval_ns else 0.0
