"""The objects of one camera: from detections to tracks, and from tracks to events."""

from typing import Any

import msgspec
import numpy as np

from pipeline.memory.counters import FrameCounts
from pipeline.stage import Context, Frame
from stages.events.config import FilterConfig, Lines, Zones
from stages.events.event import Event, Moment
from stages.events.outbox import Outbox
from stages.events.watch import Watch, encode_tallies
from stages.kernels.boxes import Wh
from stages.kernels.detections import (
    NO_DETECTIONS,
    Detections,
    decode_detections,
    encode_detections,
)
from stages.kernels.tracking.tracker import Tracker, TrackerOptions
from stages.slot import DetectionBody, Slot
from stages.tracking.detection_filter import DetectionFilter
from stages.tracking.memory import Memory, TrackMemory

_NS_PER_S = 1_000_000_000
_NOTHING = encode_detections(NO_DETECTIONS)


class CameraOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the configuration says of one source; `labels` are the model's, by class id."""

    is_tracked: bool
    is_paused: bool = False  # nobody looks at its frames
    labels: tuple[str, ...]
    tracker: TrackerOptions
    filters: FilterConfig = FilterConfig()
    zones: Zones = {}
    lines: Lines = {}


class _Known(msgspec.Struct, frozen=True, array_like=True):
    """What outlives the process."""

    tracker: bytes
    watch: bytes
    outbox: bytes


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Known)


class TrackedCamera:
    """The tracks of one camera and their events, and the file that both are kept in.

    The ledger says whether there are any tracks: while there are, no gate finds a frame idle.
    """

    def __init__(self, options: CameraOptions, context: Context, camera: int) -> None:
        self._filter = DetectionFilter(options.filters, options.labels)
        self._tracker = Tracker(options.tracker, len(options.labels))
        self._watch = Watch(options.zones, options.lines, options.labels)
        self._counts = bool(options.zones or options.lines)
        self._is_paused = options.is_paused
        self._memory = TrackMemory(context.run_dir, camera)
        self._outbox = Outbox()
        self._readers = _readers_of_events(context, camera)
        self._camera, self._follow = camera, context.ledger.follow_writer()
        self.last_frame_id, self._epoch, known = self._memory.found
        if known:
            self._take_over(_DECODER.decode(known))
        self._follow.set_followed(camera, len(self._tracker) > 0)

    def track(self, frame: Frame[DetectionBody]) -> DetectionBody:
        detections = decode_detections(frame.body.encoded)
        return self._advance(frame, self._filter.apply(detections, Slot(frame).frame_wh))

    def pass_idle(self, frame: Frame[DetectionBody | None]) -> DetectionBody:
        """Nothing is seen in it. Where nobody looks any more, tracks end as if all had gone."""
        if self._is_paused and len(self._tracker):
            return self._advance(frame, NO_DETECTIONS)
        return self.carry(_NOTHING)

    def _advance(self, frame: Frame[Any], detections: Detections) -> DetectionBody:
        ref, slot = frame.ref, Slot(frame)
        events = list[Event]()
        if ref.epoch != self._epoch:  # the camera may look elsewhere now, and its clock began anew
            self._tracker.clear()
            events += self._watch.end_all("epoch")
        moment = Moment(ref.frame_id, ref.epoch, frame.pts_ns, frame.captured_unix_ns)
        found = self._tracker.update(detections, frame.pts_ns / _NS_PER_S, slot.frame_wh)
        self._follow.set_followed(self._camera, len(self._tracker) > 0)
        events += self._watch.update(found, self._tracker.ended, moment, slot.frame_wh)
        self._outbox.forget(min(reader.last_frame_id for reader in self._readers))
        self._outbox.put(ref.frame_id, events)
        encoded = encode_detections(found)
        # The slot first: a frame that the memory has seen is never tracked again.
        slot.write_tracked(ref.frame_id, encoded)
        self._remember(ref.frame_id, ref.epoch)
        return self.carry(encoded)

    def reconfigure(self, options: CameraOptions) -> None:
        """Work with these from the next frame on: tracks, counts and events go on."""
        self._filter = DetectionFilter(options.filters, options.labels)
        self._tracker.reconfigure(options.tracker)
        self._watch.reconfigure(options.zones, options.lines)
        self._counts = bool(options.zones or options.lines)
        self._is_paused = options.is_paused

    @property
    def waits(self) -> bool:
        """Some events are not through yet."""
        return bool(self._outbox)

    def carry(self, encoded: bytes) -> DetectionBody:
        """These detections, with the events that wait and the counts so far."""
        tallies = encode_tallies(self._watch.tallies()) if self._counts else b""
        return DetectionBody(encoded, self._outbox.to_bytes(), tallies)

    def leave(self) -> bytes:
        """No more frames come, though the camera may come back: its numbers and counts go on.

        All tracks end. Returns the events that are not through yet; `forget` them afterwards.
        """
        self._tracker.clear()
        self._outbox.put(self.last_frame_id + 1, self._watch.end_all("stop"))
        return self._outbox.to_bytes()

    def forget(self) -> None:
        """What `leave` has returned is kept elsewhere, and is not to be told again."""
        self._outbox = Outbox()
        self._remember(self.last_frame_id, self._epoch)
        self._follow.set_followed(self._camera, False)
        self._memory.shrink()
        self._memory.close()

    def end(self) -> bytes:
        """All tracks end with the line; returns the events that are not through yet."""
        self._memory.close()
        self._outbox.put(self.last_frame_id + 1, self._watch.end_all("stop"))
        return self._outbox.to_bytes()

    def _take_over(self, known: _Known) -> None:
        self._tracker.from_bytes(known.tracker)
        self._watch.from_bytes(known.watch)
        self._outbox = Outbox(known.outbox)

    def _remember(self, frame_id: int, epoch: int) -> None:
        known = _Known(self._tracker.to_bytes(), self._watch.to_bytes(), self._outbox.to_bytes())
        self._memory.write(Memory(frame_id, epoch, _ENCODER.encode(known)))
        self.last_frame_id, self._epoch = frame_id, epoch


class UntrackedCamera:
    """One whose frames have nothing to do with each other."""

    def __init__(self, options: CameraOptions) -> None:
        self._filter = DetectionFilter(options.filters, options.labels)
        self._score_thresh = np.float32(options.tracker.score_thresh)

    def pick(self, encoded: bytes, frame_wh: Wh) -> bytes:
        """Those of a frame's detections that are published."""
        detections = decode_detections(encoded)
        wanted = self._filter.apply(detections, frame_wh)
        rows = wanted.scores > self._score_thresh
        if wanted is detections and rows.all():
            return encoded
        return encode_detections(wanted.take(rows))


def _readers_of_events(context: Context, camera: int) -> list[FrameCounts]:
    """The counts of the process that publishes, and of those that read what it has published."""
    topology = context.run.topology
    publisher = topology.publisher
    assert publisher is not None, "tracks are published"
    names = {publisher, *(reader.name for reader in topology.readers(publisher))}
    return [
        context.ledger.counts(camera, process.index)
        for process in context.run.processes
        if process.stage in names
    ]
