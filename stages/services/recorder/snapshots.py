"""Snapshots: the best picture of each object, kept when its track has ended."""

from typing import NamedTuple

import msgspec
import numpy as np

from pipeline.client import Detection, DetectionMessage, EventMessage, ModelInfo
from pipeline.logger import logger
from pipeline.service import FrameView
from stages.kernels.colour import to_bgr
from stages.kernels.drawing.boxes import draw_boxes
from stages.kernels.drawing.palette import track_colour
from stages.kernels.jpeg import encode_jpeg
from stages.kernels.pixels import Pixels
from stages.services.archive.archive import Archive
from stages.services.archive.layout import Kind, iso_utc
from stages.services.archive.sidecar import Boxes, Seen, Sidecar, write_whole
from stages.slot import Slot

_AREAS = ("frame", "format")
_BETTER = 1.03  # a picture takes the place of another whose score is so much lower
_EVERY_NS = 300_000_000  # between two pictures of a track, at least
_MARGIN = 0.2  # around a box, of its width and height
_MOST = 200  # tracks under way


class SnapshotOptions(msgspec.Struct, frozen=True):
    """As in the configuration."""

    cameras: tuple[str, ...]
    labels: tuple[str, ...]
    min_score: float
    annotated: bool
    crop: bool

    def wants(self, camera: str, found: Detection) -> bool:
        return (
            found.track_id is not None
            and (not self.cameras or camera in self.cameras)
            and (not self.labels or found.label in self.labels)
            and found.score >= self.min_score
        )


class _Shot(NamedTuple):
    """The best picture of a track so far."""

    jpeg: bytes
    found: Detection
    result: DetectionMessage


class Snapshots:
    """Copies frames while they are in the ring; one that is gone is left to a later picture."""

    def __init__(
        self, options: SnapshotOptions, frames: FrameView, archive: Archive, model: ModelInfo
    ) -> None:
        self._options = options
        self._frames = frames
        self._archive = archive
        self._model = model
        self._shots: dict[tuple[str, int], _Shot] = {}
        self._is_full = False

    def see(self, result: DetectionMessage) -> None:
        """Take pictures of what is seen better than before."""
        better = [
            found
            for found in result.detections
            if self._options.wants(result.camera, found) and self._is_better(result, found)
        ]
        image = self._copy(result) if better else None
        if image is None:
            return
        for found in better:
            assert found.track_id is not None, "others are not wanted"
            jpeg = encode_jpeg(draw_snapshot(image, found, self._options))
            self._shots[result.camera, found.track_id] = _Shot(jpeg, found, result)
        while len(self._shots) > _MOST:  # their ends were not told
            self._keep(self._shots.pop(next(iter(self._shots))), None)

    def hear(self, event: EventMessage) -> None:
        """Keep the picture of a track that has ended."""
        if event.kind == "track_end":
            shot = self._shots.pop((event.camera, event.track_id), None)
            if shot is not None:
                self._keep(shot, event)

    def pause(self, camera: str) -> None:
        """Keep the pictures of the camera that were taken until now."""
        for of_track in [key for key in self._shots if key[0] == camera]:
            self._keep(self._shots.pop(of_track), None)

    def end(self) -> None:
        for shot in self._shots.values():
            self._keep(shot, None)
        self._shots.clear()

    def _is_better(self, result: DetectionMessage, found: Detection) -> bool:
        assert found.track_id is not None, "others are not wanted"
        shot = self._shots.get((result.camera, found.track_id))
        if shot is None:
            return True
        is_time = result.captured_unix_ns - shot.result.captured_unix_ns >= _EVERY_NS
        return is_time and found.score > shot.found.score * _BETTER

    def _copy(self, result: DetectionMessage) -> Pixels | None:
        copy = self._frames.copy_frame(result.camera, result.frame_id, _AREAS)
        if copy is None or copy.epoch != result.epoch:
            return None
        picture = Slot(copy.areas).picture
        width, height = picture.form.display_wh
        image = np.empty((height, width, 3), np.uint8)
        to_bgr(picture, image)
        return image

    def _keep(self, shot: _Shot, event: EventMessage | None) -> None:
        try:
            self._write(shot, event)
        except OSError as error:
            if not self._is_full:
                self._is_full = True
                logger.error("record.folder: snapshots are not kept: {}", error.strerror)
        else:
            self._is_full = False

    def _write(self, shot: _Shot, event: EventMessage | None) -> None:
        """Raises OSError."""
        result, found, at = shot.result, shot.found, shot.result.captured_unix_ns
        self._archive.make_room(2 * len(shot.jpeg))
        path = self._archive.make_file(result.camera, Kind.SNAPSHOT, at)
        seen = Seen(found.track_id, found.label, round(found.score, 3), found.box)
        sidecar = Sidecar(
            Kind.SNAPSHOT, result.camera, at, at, begin=iso_utc(at), end=iso_utc(at),
            host=result.host, run=result.run, width=result.width, height=result.height,
            model=self._model, why=found.label, epochs=[result.epoch],
            events=[] if event is None else [event],
            boxes=[Boxes(0.0, result.pts_ns, at, (seen,))],
        )  # fmt: skip
        try:
            write_whole(path, shot.jpeg)
            self._archive.put(path, sidecar)
        except OSError:
            path.unlink(missing_ok=True)
            raise


def draw_snapshot(image: Pixels, found: Detection, options: SnapshotOptions) -> Pixels:
    """The picture (H, W, 3) of one object: with its box, cut to it, or as it is."""
    drawn = image
    if options.annotated:
        drawn = image.copy()
        text = f"{found.label} {100 * found.score:.0f}%"
        colour = track_colour(found.track_id or 0)
        draw_boxes(drawn, np.array([found.box], np.float32), [colour], [(text, found.label)])
    if not options.crop:
        return drawn
    x1, y1, x2, y2 = found.box
    dx, dy = (x2 - x1) * _MARGIN, (y2 - y1) * _MARGIN
    height, width = image.shape[:2]
    left, right = _inside(x1 - dx, x2 + dx, width)
    upper, lower = _inside(y1 - dy, y2 + dy, height)
    return np.ascontiguousarray(drawn[upper:lower, left:right])


def _inside(begin: float, end: float, size: int) -> tuple[int, int]:
    """Whole pixels of the picture, one at least."""
    first = min(max(int(begin), 0), size - 1)
    return first, max(min(round(end), size), first + 1)
