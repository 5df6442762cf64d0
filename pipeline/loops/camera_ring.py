"""The slots of one camera, epoch after epoch: which are free, and which frames are sent again.

The capture process owns every slot of its ring, so it alone decides what is sent again. When a
process was killed, the supervisor counts up the camera's replays. Then each frame that some branch
still needs gets a new generation, which makes every lost or late reference to it stale, and is sent
again.

The ring of a live source begins with few slots, and has more when frames wait for a stage that is
late: a camera whose frames are through before its next one comes needs no others.
"""

import time
from collections.abc import Mapping

import msgspec

from pipeline.links.parcel import Parcel
from pipeline.links.stream import StreamSender
from pipeline.logger import logger
from pipeline.memory.counters import DropReason
from pipeline.memory.frame_ref import NO_FRAME, FrameRef
from pipeline.memory.results import Results
from pipeline.memory.ring import Area, Ring, ring_path
from pipeline.memory.ring_layout import AreaSpec, RingLayout
from pipeline.memory.space import ShmSpaceError
from pipeline.realtime import monotonic_ns
from pipeline.source import Geometry
from pipeline.stage import Context

_LIVE_SLOTS = 4  # with which a ring can work: the fewest that the configuration may ask for


class CameraRing:
    """Hands out slots and sends references; sends them again when the supervisor asks for it."""

    def __init__(self, context: Context, slots: int, *, lossless: bool) -> None:
        process = context.process
        assert process.camera is not None, f"{process.name} has no camera"
        self._context = context
        self._topology = context.run.topology
        self._camera = process.camera
        self._name = context.run.cameras[process.camera]
        self._slots = slots
        self._lossless = lossless
        self._ledger = context.ledger
        self._results = Results(context.run, context.ledger)
        self._counters = context.counters[self._camera]
        self._entry = context.ledger.camera_writer(self._camera)
        self._replays = self._ledger.replays(self._camera)  # that were answered
        self._epoch = self._entry.epoch
        self._senders = [
            StreamSender(context.run_dir, row.name) for row in self._topology.readers(process.stage)
        ]
        self._ring: Ring | None = None
        self._sent: dict[int, FrameRef] = {}  # by slot: what may have to be sent again
        self._last_sent = NO_FRAME

    def begin_epoch(self, geometry: Geometry, areas: Mapping[str, AreaSpec]) -> None:
        """Make a new ring for a new connection: the size may have changed."""
        epoch = self._epoch + 1
        layout = RingLayout(
            slots=self._slots,
            areas=areas,
            columns=self._topology.names,
            branches=self._topology.branches,
            lossless=self._lossless,
        )
        self._end_epoch(epoch - 1)
        path = ring_path(self._context.run_dir, self._camera, epoch)
        path.unlink(missing_ok=True)  # a predecessor was killed right here
        self._ring = Ring.create(path, layout, None if self._lossless else _LIVE_SLOTS)
        self._is_short = False  # of memory for more slots, which was said
        self._last_sent = NO_FRAME  # of an earlier connection nothing is under way any more
        self._epoch = epoch
        self._entry.begin_epoch(epoch, geometry)

    def take(self, slot: int) -> Mapping[str, Area]:
        """The areas of a slot, to be written; references to its earlier frame are stale now."""
        self._current.take(slot)
        self._sent.pop(slot, None)
        return self._current.slots[slot]

    def fill(self, slot: int, frame_id: int, pts_ns: int, waited_ns: int = 0) -> FrameRef:
        """Name the frame that was just written into the slot; returns its reference.

        It was captured when it arrived, which is `waited_ns` ago.
        """
        captured_ns, unix_ns = monotonic_ns() - waited_ns, time.time_ns() - waited_ns
        generation = self._current.name(slot, frame_id, pts_ns, unix_ns)
        return FrameRef(
            self._camera, self._epoch, slot, generation, frame_id, captured_ns, self._lossless
        )

    def send(self, ref: FrameRef) -> None:
        ref = msgspec.structs.replace(ref, after=self._last_sent)
        self._last_sent = ref.frame_id
        self._sent[ref.slot] = ref
        self._current.stamp(ref, 0, monotonic_ns())
        self._current.release(ref, 0)
        for sender in self._senders:
            sender.send(Parcel(ref, None))

    def replay_if_asked(self) -> None:
        replays = self._ledger.replays(self._camera)
        if replays == self._replays or self._ring is None:
            return
        self._replays = replays
        # All frames under way are made stale before the first is sent again. Otherwise a stage
        # could let the old copy of a later frame pass between two of the new copies.
        again = [
            msgspec.structs.replace(ref, generation=self._ring.take(ref.slot))
            for ref in self.held()
        ]
        for ref in again:
            self.send(ref)
        logger.info("{}: {} frames sent again", self._name, len(again))

    def free_slot(self, besides: int | None = None) -> int | None:
        """The first that may be written; none where there is no memory for it."""
        ring = self._current
        for slot in range(self._slots):
            if slot != besides and ring.is_free(slot):
                return slot if self._reserve(slot) else None
        return None

    def _reserve(self, slot: int) -> bool:
        try:
            self._current.reserve(slot)
        except ShmSpaceError as error:
            if not self._is_short:
                self._is_short = True
                logger.warning("{}: no more than {} frames under way: {}", self._name, slot, error)
            return False
        return True

    def held(self) -> list[FrameRef]:
        """References to frames that some branch still needs, in the order of capture."""
        if self._ring is None:
            return []
        free = set(self._ring.free_slots())
        held = [ref for slot, ref in self._sent.items() if slot not in free]
        return sorted(held, key=lambda ref: ref.frame_id)

    def close(self) -> None:
        for sender in self._senders:
            sender.close()

    def _end_epoch(self, epoch: int) -> None:
        """Remove the last ring, which this process or a killed predecessor made.

        Frames of a live source that are still under way in it are made stale and counted as lost.
        """
        self._sent.clear()
        try:
            ring = Ring.attach(ring_path(self._context.run_dir, self._camera, epoch))
        except FileNotFoundError:  # there was none
            return
        if not self._lossless:
            for slot in ring.sent_slots():
                ring.take(slot)
                # A frame that was published before is only missing from a recording.
                published = self._results.has(self._camera, ring, slot)
                self._counters.drop(DropReason.NOT_RECORDED if published else DropReason.ABANDONED)
        ring.unlink()

    @property
    def _current(self) -> Ring:
        assert self._ring is not None, "no epoch has begun"
        return self._ring
