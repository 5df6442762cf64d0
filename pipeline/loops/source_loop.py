"""The loop of a source's process: open, read into a slot, send; after a failure, wait and reopen.

It says what has become of the camera, and never waits without a word to the watchdog.
"""

import math
import time
from collections.abc import Callable

import numpy as np
from loguru import logger

from pipeline.loops.backoff import Backoff, Retry
from pipeline.loops.camera_ring import CameraRing
from pipeline.loops.epoch_clock import EpochClock
from pipeline.memory.heartbeat import Heartbeat
from pipeline.memory.ledger import CameraState, DropReason
from pipeline.memory.ring import ShmSpaceError
from pipeline.realtime import monotonic_ns
from pipeline.redact import redact
from pipeline.source import (
    EndOfSource,
    GeometryChanged,
    Source,
    SourceDenied,
    SourceError,
    SourceStalled,
)
from pipeline.stage import Context
from pipeline.topology import ProcessSpec

_FULL_RING_WAIT_S = 0.001
_STOP_POLL_S = 0.05
_SETTLE_BETWEEN_EPOCHS_S = 0.5  # of a live source: it must come back, even when a stage hangs
_SETTLE_AT_STOP_S = 0.6
_NO_ROOM_WAIT_S = 0.5  # of a lossless source, for others to let go of shared memory
_SILENCES_OF_AN_OPEN = 3  # connect, learn what the stream is, decode the first frame


class SourceLoop:
    """Feeds one camera into the line until it ends or the run is stopped."""

    def __init__(
        self,
        process: ProcessSpec,
        context: Context,
        source: Source,
        pulse: Heartbeat,
        *,
        slots: int,
        retry: Retry,
    ) -> None:
        assert process.camera is not None, f"{process.name} has no camera"
        self._context = context
        self._camera = process.camera
        self._name = context.run.cameras[process.camera]
        self._source = source
        self._pulse = pulse
        self._backoff = Backoff(retry)
        self._ledger = context.ledger
        self._index = process.index
        self._tally = context.ledger.tally(self._camera, process.index)
        self._ring = CameraRing(process, context, slots, lossless=source.lossless)
        self._next_frame = self._first_frame()
        self._said = ""  # of the last failure: the same is not said again
        self._opened_s: float | None = None  # when the connection was made, if it was

    def run(self, stopped: Callable[[], bool]) -> None:
        """Open, read, reconnect; returns when the source has ended and all of it is processed.

        Raises:
            SourceError: a lossless source cannot be read: trying again would not help.
            ShmSpaceError: shared memory is too small from the start.
        """
        limit_s = math.inf if self._source.lossless else _SETTLE_BETWEEN_EPOCHS_S
        while not stopped():
            try:
                self._open()
                self._pump(stopped)
            except EndOfSource:
                break
            except GeometryChanged as change:
                logger.info("{}: {}: a new epoch begins", self._name, change)
            except (SourceError, ShmSpaceError) as error:
                if self._is_final(error):
                    raise
                self._source.close()
                self._report_absent(error)
                self._rest(self._wait_s(error), stopped)
            finally:
                self._source.close()
            self._settle(stopped, limit_s)
        self._settle(stopped)
        self._ledger.set_state(self._camera, CameraState.ENDED)

    def close(self) -> None:
        self._ring.close()

    def _open(self) -> None:
        self._opened_s = None
        self._pulse.expect(_SILENCES_OF_AN_OPEN * self._source.silence_s)
        geometry = self._source.open(self._next_frame)
        self._opened_s = time.monotonic()
        self._clock = EpochClock()
        self._ring.begin_epoch(geometry, self._source.areas(geometry))
        self._is_live = False  # until a frame is there

    def _pump(self, stopped: Callable[[], bool]) -> None:
        slot = self._wait_for_slot(stopped)
        while slot is not None and not stopped():
            spare = self._spare_slot(slot)  # now, as no frame waits yet: what is free stays free
            self._pulse.expect(self._source.silence_s)
            pts_ns = self._source.read(self._ring.take(slot))
            if pts_ns is None:
                self._ring.replay_if_asked()
                continue
            ref = self._ring.fill(slot, self._next_frame, self._clock.stamp(pts_ns))
            self._next_frame += 1
            self._ring.replay_if_asked()
            spare = self._spare_slot(slot) if spare is None else spare
            self._count(ref.frame_id)
            if self._source.lossless:
                self._ring.send(ref)
                slot = self._wait_for_slot(stopped)
            elif spare is not None:
                self._ring.send(ref)
                slot = spare
            else:  # no slot for the next frame: this one's is used again
                self._ledger.count_drop(self._camera, self._index, DropReason.RING_FULL)

    def _spare_slot(self, slot: int) -> int | None:
        """A free slot for a live source's next frame; a lossless one can wait until it sends."""
        return None if self._source.lossless else self._ring.free_slot(besides=slot)

    def _count(self, frame_id: int) -> None:
        """Note a frame before it is sent: no successor of a killed process may reuse its number."""
        self._tally.capture(frame_id, monotonic_ns())
        if not self._is_live:
            self._is_live = True
            self._said = ""
            self._ledger.set_state(self._camera, CameraState.LIVE)

    def _wait_for_slot(self, stopped: Callable[[], bool]) -> int | None:
        """A free slot, or None when the run is stopped first."""
        while not stopped():
            slot = self._ring.free_slot()
            if slot is not None:
                return slot
            self._turn(_FULL_RING_WAIT_S)
        return None

    def _settle(self, stopped: Callable[[], bool], limit_s: float = math.inf) -> None:
        """Wait until every frame sent has passed through; a kill meanwhile is still healed."""
        deadline = time.monotonic() + limit_s
        while held := self._ring.held():
            if stopped():
                deadline = min(deadline, time.monotonic() + _SETTLE_AT_STOP_S)
            if time.monotonic() >= deadline:
                logger.warning("{}: {} frames were still under way", self._name, len(held))
                return
            self._turn(_FULL_RING_WAIT_S)

    def _rest(self, seconds: float, stopped: Callable[[], bool]) -> None:
        """Leave the source alone; the line behind goes on, and is healed meanwhile."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not stopped():
            self._turn(min(left, _STOP_POLL_S))

    def _turn(self, seconds: float) -> None:
        """Wait for a moment, alive."""
        self._pulse.beat()
        self._ring.replay_if_asked()
        time.sleep(seconds)

    def _first_frame(self) -> int:
        """Where a restarted process goes on: after the last frame that all ends have finished.

        Of a live source nothing can be read again: its count goes on after the last captured one.
        """
        if not self._source.lossless:
            return self._tally.last_frame_id + 1
        run = self._context.run
        finished = self._ledger.rows["last_frame_id"][self._camera]
        ends = [p.index for p in run.processes if p.stage in run.topology.ends]
        return int(np.min(finished[ends])) + 1

    def _is_final(self, error: SourceError | ShmSpaceError) -> bool:
        """Whether another try would not help; room that there was once may come back."""
        if isinstance(error, ShmSpaceError):
            return int(self._ledger.cameras[self._camera]["epoch"]) == 0
        return self._source.lossless

    def _wait_s(self, error: SourceError | ShmSpaceError) -> float:
        if self._source.lossless:
            return _NO_ROOM_WAIT_S
        if isinstance(error, SourceDenied):  # each try may count as an attack
            return self._backoff.longest_s()
        lasted_s = 0.0 if self._opened_s is None else time.monotonic() - self._opened_s
        return self._backoff.wait_s(lasted_s)

    def _report_absent(self, error: SourceError | ShmSpaceError) -> None:
        why = redact(str(error))
        stalled = isinstance(error, SourceStalled)
        state = CameraState.STALLED if stalled else CameraState.CONNECTING
        self._ledger.set_state(self._camera, state, why)
        level = "DEBUG" if why == self._said else "WARNING"
        logger.log(level, "{}: {}", self._name, why)
        self._said = why
