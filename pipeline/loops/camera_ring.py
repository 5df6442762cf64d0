"""The slots of one camera, epoch after epoch: which are free, and what must be sent again.

The capture process owns every slot of its ring, so it alone decides what is sent again: when a
stage was killed, the supervisor raises the camera's replay count, and each frame that some branch
still needs gets a new generation (which makes every lost or late reference to it stale) and is
sent once more.
"""

import time
from collections.abc import Mapping

import msgspec
from loguru import logger

from pipeline.links.parcel import Parcel
from pipeline.links.stream import StreamSender
from pipeline.memory.frame_ref import FrameRef
from pipeline.memory.ledger import DropReason
from pipeline.memory.ring import Area, AreaSpec, Ring, RingLayout, ring_path
from pipeline.realtime import monotonic_ns
from pipeline.source import Geometry
from pipeline.stage import Context
from pipeline.topology import ProcessSpec


class CameraRing:
    """Hands out slots, sends references, and sends again what the line has lost."""

    def __init__(
        self, process: ProcessSpec, context: Context, slots: int, *, lossless: bool
    ) -> None:
        assert process.camera is not None, f"{process.name} has no camera"
        self._context = context
        self._topology = context.run.topology
        self._camera, self._index = process.camera, process.index
        self._name = context.run.cameras[process.camera]
        self._slots = slots
        self._lossless = lossless
        self._control = context.ledger.cameras[self._camera]
        self._ledger = context.ledger
        self._replayed = self._ledger.replays(self._camera)
        self._epoch = int(self._control["epoch"])
        self._outlets = [
            StreamSender(context.run_dir, row.name) for row in self._topology.readers(process.stage)
        ]
        self._ring: Ring | None = None
        self._sent: dict[int, FrameRef] = {}  # by slot: what may have to be sent again

    def begin_epoch(self, geometry: Geometry, areas: Mapping[str, AreaSpec]) -> None:
        """A ring of its own for each connection: the size may have changed."""
        epoch = self._epoch + 1
        layout = RingLayout(
            slots=self._slots,
            areas=areas,
            columns=self._topology.names,
            branches=self._topology.branches,
        )
        self._end_epoch(epoch - 1)
        path = ring_path(self._context.run_dir, self._camera, epoch)
        path.unlink(missing_ok=True)  # a process that was killed right here
        self._ring = Ring.create(path, layout)
        self._control["width"], self._control["height"] = geometry
        self._control["epoch"] = self._epoch = epoch

    def take(self, slot: int) -> Area:
        """The pixels of a slot, to be written; whatever was there is stale from now on."""
        self._current.take(slot)
        self._sent.pop(slot, None)
        return self._current.slots[slot]["frame"]

    def fill(self, slot: int, frame_id: int, pts_ns: int) -> FrameRef:
        """The reference to a frame whose pixels have just come into the slot."""
        captured_ns, unix_ns = monotonic_ns(), time.time_ns()
        generation = self._current.name(slot, frame_id, pts_ns, unix_ns)
        return FrameRef(
            self._camera, self._epoch, slot, generation, frame_id, captured_ns, self._lossless
        )

    def send(self, ref: FrameRef) -> None:
        self._sent[ref.slot] = ref
        self._current.stamp(ref, 0, monotonic_ns())
        self._current.release(ref, 0)
        for outlet in self._outlets:
            outlet.send(Parcel(ref))

    def replay_if_asked(self) -> None:
        asked = self._ledger.replays(self._camera)
        if asked == self._replayed or self._ring is None:
            return
        self._replayed = asked
        # All that is under way is stale before the first is sent again, so that no stage can let
        # the old copy of a later frame pass between two of the new ones.
        again = [
            msgspec.structs.replace(ref, generation=self._ring.take(ref.slot))
            for ref in self.held()
        ]
        for ref in again:
            self.send(ref)
        logger.info("{}: {} frames sent again", self._name, len(again))

    def free_slot(self, besides: int | None = None) -> int | None:
        return next((s for s in self._current.free_slots() if s != besides), None)

    def held(self) -> list[FrameRef]:
        """Frames that some branch still needs, in the order of capture."""
        if self._ring is None:
            return []
        free = set(self._ring.free_slots())
        held = [ref for slot, ref in self._sent.items() if slot not in free]
        return sorted(held, key=lambda ref: ref.frame_id)

    def close(self) -> None:
        for outlet in self._outlets:
            outlet.close()

    def _end_epoch(self, epoch: int) -> None:
        """Remove the last ring, this process' own or a killed one's.

        What is still under way in it is lost to a live source: it is made stale, and counted.
        """
        self._sent.clear()
        try:
            ring = Ring.attach(ring_path(self._context.run_dir, self._camera, epoch))
        except FileNotFoundError:  # there was none
            return
        if not self._lossless:
            for slot in ring.sent_slots():
                ring.take(slot)
                self._count_abandoned(int(ring.frame_ids[slot]))
        ring.unlink()

    def _count_abandoned(self, frame_id: int) -> None:
        """One that was published on its way is only missing from a recording."""
        ledger, publisher = self._ledger, self._context.run.publisher
        published = ledger.has_result(self._camera, publisher, frame_id)
        reason = DropReason.NOT_RECORDED if published else DropReason.ABANDONED
        ledger.count_drop(self._camera, self._index, reason)

    @property
    def _current(self) -> Ring:
        assert self._ring is not None, "no epoch has begun"
        return self._ring
