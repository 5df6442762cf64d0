"""Overlay: what is known of a frame, drawn on a copy of it.

Boxes with labels and scores; where objects are tracked, their ids and trails; zones and counting
lines with what was counted there; the rate and the age of the frame.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from pipeline.realtime import monotonic_ns
from pipeline.stage import BasicStage, Context, Frame
from stages.events.watch import decode_tallies
from stages.kernels.colour import to_bgr
from stages.kernels.detections import decode_detections
from stages.kernels.drawing.boxes import draw_detections
from stages.kernels.drawing.palette import BLACK
from stages.kernels.drawing.plates import Plates
from stages.kernels.drawing.region_painter import draw_regions
from stages.kernels.drawing.regions import NO_COUNTS, Counts, Regions
from stages.kernels.drawing.trails import Trails
from stages.kernels.pixels import Pixels
from stages.slot import DetectionBody, Slot

_SMOOTHING = 0.1  # weight of the newest interval in the rate shown: about ten frames
_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_NO_REGIONS = Regions()


class OverlayOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The regions may change while the line runs."""

    labels: tuple[str, ...]
    regions: Mapping[str, Regions] = {}  # by camera


class Overlay(BasicStage[DetectionBody, None]):
    """Reads `frame` and its body, writes `canvas`.

    A process that is started again has forgotten the trails; they begin anew.
    """

    Options = OverlayOptions
    consumes = DetectionBody

    def __init__(self, options: OverlayOptions, context: Context) -> None:
        self._labels = options.labels
        self._cameras = context.cameras
        self._views: dict[str, View] = {}
        self._regions = options.regions

    def reconfigure(self, options: OverlayOptions) -> None:
        self._regions = options.regions

    def forget_camera(self, camera: int) -> None:
        self._views.pop(self._cameras[camera], None)

    def process(self, frame: Frame[DetectionBody]) -> None:
        body, view = frame.body, self._view(frame)
        detections = decode_detections(body.encoded)
        canvas, plates = self._begin(frame)
        draw_regions(canvas, self._regions_of(frame), _counts_of(body.tallies), plates)
        trails = view.trails(frame.ref.epoch)
        trails.add(detections, frame.pts_ns)
        trails.draw(canvas)
        draw_detections(canvas, detections, self._labels, plates)
        plates.draw()

    def pass_failed(self, frame: Frame[DetectionBody | None]) -> None:
        self._show(frame, NO_COUNTS)

    def pass_idle(self, frame: Frame[DetectionBody | None]) -> None:
        self._show(frame, NO_COUNTS if frame.body is None else _counts_of(frame.body.tallies))

    def _show(self, frame: Frame[DetectionBody | None], counts: Counts) -> None:
        """The frame without objects: nothing is known of those in it."""
        canvas, plates = self._begin(frame)
        draw_regions(canvas, self._regions_of(frame), counts, plates)
        plates.draw()

    def _view(self, frame: Frame[Any]) -> "View":
        return self._views.setdefault(frame.camera, View())

    def _regions_of(self, frame: Frame[Any]) -> Regions:
        return self._regions.get(frame.camera, _NO_REGIONS)

    def _begin(self, frame: Frame[DetectionBody | None]) -> tuple[Pixels, Plates]:
        """Fill the canvas; the caption has the first choice of its place."""
        slot = Slot(frame)
        canvas = slot.canvas
        to_bgr(slot.picture, canvas)
        plates = Plates(canvas)
        rate = self._view(frame).rate.count(frame.ref.captured_ns)
        age_ms = (monotonic_ns() - frame.ref.captured_ns) / _NS_PER_MS
        caption = f"{frame.camera}  {rate:.1f} fps  {age_ms:.0f} ms"
        plates.add(caption, BLACK, (0, canvas.shape[0]))
        return canvas, plates


def _counts_of(tallies: bytes) -> Counts:
    """Sums over labels; of a camera without zones and lines, nothing."""
    if not tallies:
        return NO_COUNTS
    decoded = decode_tallies(tallies)
    return Counts(
        {name: sum(zone.inside.values()) for name, zone in decoded.zones.items()},
        {
            name: {direction: sum(counts.values()) for direction, counts in line.items()}
            for name, line in decoded.lines.items()
        },
    )


class View:
    """What the overlay knows of a camera besides its frame."""

    def __init__(self) -> None:
        self.rate = FrameRate()
        self._trails = Trails()
        self._epoch: int | None = None

    def trails(self, epoch: int) -> Trails:
        """Those of an epoch: in the next, the clock begins anew, and the camera may have moved."""
        if epoch != self._epoch:
            self._trails.clear()
            self._epoch = epoch
        return self._trails


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
