"""The loop of a source's process: frames into the ring, references into the line.

It owns every slot of its ring, so it alone decides what is sent again: when a stage was killed,
the supervisor raises the camera's replay count, and each frame that some branch still needs gets a
new generation (which makes every lost or late reference to it stale) and is sent once more.
"""

import math
import random
import time
from collections.abc import Callable

import msgspec
import numpy as np
from loguru import logger

from pipeline.ledger import CameraState, DropReason
from pipeline.messages import FrameRef
from pipeline.realtime import monotonic_ns
from pipeline.redact import redact
from pipeline.ring import Ring, RingLayout, ring_path
from pipeline.sockets import Parcel
from pipeline.source import EndOfSource, Geometry, GeometryChanged, Source, SourceError
from pipeline.stage import Context
from pipeline.stream import Outlet
from pipeline.topology import ProcessSpec

_FULL_RING_WAIT_S = 0.001
_BACKOFF_FIRST_S, _BACKOFF_CAP_S = 0.5, 30.0
_STOP_POLL_S = 0.05
_SETTLE_BETWEEN_EPOCHS_S = 0.5  # of a live source: it must come back, even when a stage hangs
_SETTLE_AT_STOP_S = 0.6


class Intake:
    """Feeds one camera into the line until it ends or the run is stopped."""

    def __init__(self, process: ProcessSpec, context: Context, source: Source, slots: int) -> None:
        assert process.camera is not None, f"{process.name} has no camera"
        self._context = context
        self._topology = context.run.topology
        self._camera = process.camera
        self._name = context.run.cameras[process.camera]
        self._source = source
        self._slots = slots
        self._ledger = context.ledger
        self._index, self._publisher = process.index, context.run.publisher
        self._books = context.ledger.rows[self._camera, process.index]
        self._control = context.ledger.cameras[self._camera]
        self._replayed = int(self._control["replay"])
        self._outlets = [
            Outlet(context.run_dir, row.name) for row in self._topology.readers(process.stage)
        ]
        self._ring: Ring | None = None
        self._sent: dict[int, FrameRef] = {}  # by slot: what may have to be sent again
        self._next_frame = self._first_frame()
        self._last_pts_ns = -1  # times of an epoch increase

    def run(self, stopped: Callable[[], bool]) -> None:
        """Open, read, reconnect; returns when the source has ended and all of it is processed.

        Raises:
            SourceError: a lossless source cannot be read: trying again would not help.
        """
        backoff_s = _BACKOFF_FIRST_S
        while not stopped():
            try:
                geometry = self._source.open(self._next_frame)
                self._begin_epoch(geometry)
                backoff_s = _BACKOFF_FIRST_S
                self._pump(stopped)
            except EndOfSource:
                break
            except GeometryChanged as change:
                logger.info("{}: {}: a new epoch begins", self._name, change)
            except SourceError as error:
                if self._source.lossless:
                    raise
                self._report_absent(error)
                self._source.close()
                _sleep(backoff_s * random.uniform(0.75, 1.25), stopped)
                backoff_s = min(backoff_s * 2, _BACKOFF_CAP_S)
            finally:
                self._source.close()
            self._settle(stopped, math.inf if self._source.lossless else _SETTLE_BETWEEN_EPOCHS_S)
        self._settle(stopped)
        self._ledger.set_state(self._camera, CameraState.ENDED)

    def close(self) -> None:
        for outlet in self._outlets:
            outlet.close()

    def _pump(self, stopped: Callable[[], bool]) -> None:
        slot = self._wait_for_slot(stopped)
        while slot is not None and not stopped():
            ring = self._current_ring()
            generation = ring.take(slot)
            self._sent.pop(slot, None)
            pts_ns = self._source.read(ring.slots[slot]["frame"])
            captured_ns, unix_ns = monotonic_ns(), time.time_ns()
            # A camera's own time may stand still or go back.
            self._last_pts_ns = max(pts_ns, self._last_pts_ns + 1)
            ring.frame_ids[slot] = self._next_frame
            ring.times[slot] = self._last_pts_ns, unix_ns
            ref = FrameRef(
                self._camera, int(self._control["epoch"]), slot, generation,
                self._next_frame, captured_ns, self._source.lossless,
            )  # fmt: skip
            self._next_frame += 1
            self._replay_if_asked()
            free = None if self._source.lossless else self._free_slot(besides=slot)
            self._count(ref)
            if self._source.lossless:
                self._send(ref)
                slot = self._wait_for_slot(stopped)
            elif free is not None:
                self._send(ref)
                slot = free
            else:  # no slot for the next frame: this one's is used again
                self._books["drops"][DropReason.RING_FULL] += 1

    def _count(self, ref: FrameRef) -> None:
        """Note a frame before it is sent: no successor of a killed process may reuse its number."""
        self._books["last_frame_id"] = ref.frame_id
        self._books["frames"] = ref.frame_id + 1  # a restarted process may read some again
        self._books["progress_ns"] = monotonic_ns()

    def _begin_epoch(self, geometry: Geometry) -> None:
        epoch = int(self._control["epoch"]) + 1
        layout = RingLayout(
            slots=self._slots,
            areas=self._source.areas(geometry),
            columns=self._topology.names,
            branches=self._topology.branches,
        )
        self._end_epoch(epoch - 1)
        self._last_pts_ns = -1
        path = ring_path(self._context.run_dir, self._camera, epoch)
        path.unlink(missing_ok=True)  # a process that was killed right here
        self._ring = Ring.create(path, layout)
        self._control["width"], self._control["height"] = geometry
        self._control["epoch"] = epoch
        self._ledger.set_state(self._camera, CameraState.LIVE)

    def _end_epoch(self, epoch: int) -> None:
        """Remove the last ring, this process' own or a killed one's.

        What is still under way in it is lost to a live source: it is made stale, and counted.
        """
        self._sent.clear()
        try:
            ring = Ring.attach(ring_path(self._context.run_dir, self._camera, epoch))
        except FileNotFoundError:  # there was none
            return
        if not self._source.lossless:
            for slot in ring.sent_slots():
                ring.take(slot)
                self._count_abandoned(int(ring.frame_ids[slot]))
        ring.unlink()

    def _count_abandoned(self, frame_id: int) -> None:
        """One that was published on its way is only missing from a recording."""
        published = self._ledger.is_finished(self._camera, self._publisher, frame_id)
        reason = DropReason.NOT_RECORDED if published else DropReason.ABANDONED
        self._ledger.count_drop(self._camera, self._index, reason)

    def _send(self, ref: FrameRef) -> None:
        self._sent[ref.slot] = ref
        ring = self._current_ring()
        ring.stamp(ref, 0, monotonic_ns())
        ring.release(ref, 0)
        for outlet in self._outlets:
            outlet.send(Parcel(ref))

    def _replay_if_asked(self) -> None:
        asked = int(self._control["replay"])
        if asked == self._replayed or self._ring is None:
            return
        self._replayed = asked
        # All that is under way is stale before the first is sent again, so that no stage can let
        # the old copy of a later frame pass between two of the new ones.
        again = [
            msgspec.structs.replace(ref, generation=self._ring.take(ref.slot))
            for ref in self._held()
        ]
        for ref in again:
            self._send(ref)
        logger.info("{}: {} frames sent again", self._name, len(again))

    def _wait_for_slot(self, stopped: Callable[[], bool]) -> int | None:
        """A free slot, or None when the run is stopped first."""
        while not stopped():
            slot = self._free_slot()
            if slot is not None:
                return slot
            self._replay_if_asked()
            time.sleep(_FULL_RING_WAIT_S)
        return None

    def _free_slot(self, besides: int | None = None) -> int | None:
        return next((s for s in self._current_ring().free_slots() if s != besides), None)

    def _settle(self, stopped: Callable[[], bool], limit_s: float = math.inf) -> None:
        """Wait until every frame sent has passed through; a kill meanwhile is still healed."""
        deadline = time.monotonic() + limit_s
        while self._ring is not None and not self._sent.keys() <= set(self._ring.free_slots()):
            if stopped():
                deadline = min(deadline, time.monotonic() + _SETTLE_AT_STOP_S)
            if time.monotonic() >= deadline:
                logger.warning("{}: {} frames were still under way", self._name, len(self._held()))
                return
            self._replay_if_asked()
            time.sleep(_FULL_RING_WAIT_S)

    def _held(self) -> list[FrameRef]:
        """Frames that some branch still needs, in the order of capture."""
        free = set(self._current_ring().free_slots())
        held = [ref for slot, ref in self._sent.items() if slot not in free]
        return sorted(held, key=lambda ref: ref.frame_id)

    def _first_frame(self) -> int:
        """Where a restarted process goes on: after the last frame that all ends have finished.

        Of a live source nothing can be read again: its count goes on after the last captured one.
        """
        if not self._source.lossless:
            return int(self._books["last_frame_id"]) + 1
        finished = self._ledger.rows["last_frame_id"][self._camera]
        ends = [p.index for p in self._context.run.processes if p.stage in self._topology.ends]
        return int(np.min(finished[ends])) + 1

    def _report_absent(self, error: SourceError) -> None:
        why = redact(str(error))
        self._ledger.set_state(self._camera, CameraState.CONNECTING, why)
        logger.warning("{}: {}", self._name, why)

    def _current_ring(self) -> Ring:
        assert self._ring is not None, "no epoch has begun"
        return self._ring


def _sleep(seconds: float, stopped: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not stopped():
        time.sleep(_STOP_POLL_S)
