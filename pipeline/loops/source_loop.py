"""The loop of a source's process: open, read into a slot, send; after a failure, wait and reopen.

It writes the state of the camera into the ledger, and beats before every wait.
"""

import logging
import math
import time
from collections.abc import Callable

from pipeline.logger import logger
from pipeline.loops.backoff import Backoff, Retry
from pipeline.loops.camera_ring import CameraRing
from pipeline.loops.epoch_clock import EpochClock
from pipeline.memory.cameras import CameraState
from pipeline.memory.counters import DropReason
from pipeline.memory.space import ShmSpaceError
from pipeline.realtime import monotonic_ns
from pipeline.redact import redact
from pipeline.source import (
    Captured,
    EndOfSource,
    Geometry,
    GeometryChanged,
    Source,
    SourceDenied,
    SourceError,
    SourceGone,
    SourceStalled,
)
from pipeline.stage import Context

_FULL_RING_WAIT_S = 0.001
_STOP_POLL_S = 0.05
_SETTLE_BETWEEN_EPOCHS_S = 0.5  # of a live source: it must reconnect even when a stage hangs
_SETTLE_AT_STOP_S = 0.6
_NO_ROOM_WAIT_S = 0.5  # of a lossless source, until others may have freed shared memory
_SILENCES_OF_AN_OPEN = 3  # connect, learn what the stream is, decode the first frame
_WATCHED_WAIT_S = 1.5  # a longer wait ends when the source is seen to be back


class SourceLoop:
    """Feeds one camera into the line until it ends or the run is stopped."""

    def __init__(self, context: Context, source: Source, *, slots: int, retry: Retry) -> None:
        camera = context.process.camera
        assert camera is not None, f"{context.process.name} has no camera"
        self._context = context
        self._camera = camera
        self._name = context.run.cameras[camera]
        self._source = source
        self._backoff = Backoff(retry)
        self._heartbeat = context.heartbeat
        self._counters = context.counters[camera]
        self._entry = context.ledger.camera_writer(camera)
        self._ring = CameraRing(context, slots, lossless=source.lossless)
        self._next_frame = self._first_frame()
        self._clock = EpochClock(lambda change: logger.info("{}: {}", self._name, change))
        self._logged = ""  # reason of the last failure: the same is not logged again
        self._absent_s = 0.0  # since when no frame has come, if a failure was logged
        self._opened_s: float | None = None  # when the connection was made, if it was

    def run(self, stopped: Callable[[], bool]) -> None:
        """Open, read, reconnect; returns when the source has ended and all frames are processed.

        Raises:
            SourceError: a lossless source cannot be read, or a live one is gone for good.
            ShmSpaceError: shared memory is too small from the start.
        """
        limit_s = math.inf if self._source.lossless else _SETTLE_BETWEEN_EPOCHS_S
        geometry: Geometry | None = None  # of a source that is still open
        while not stopped():
            try:
                self._begin_epoch(geometry or self._open())
                geometry = None
                self._pump(stopped)
            except EndOfSource:
                break
            except GeometryChanged as change:
                logger.info("{}: {}: a new epoch begins", self._name, change)
                geometry = change.geometry
            except (SourceError, ShmSpaceError) as error:
                if self._is_final(error):
                    self._settle(stopped)  # what came before it is delivered
                    raise
                geometry = None
                self._report_absent(error)
                self._heartbeat.beat()
                self._source.close()  # this may take a while when the network is gone
                self._rest(error, stopped)
            finally:
                self._count_losses()
                if geometry is None:
                    self._source.close()
            self._settle(stopped, limit_s)
        self._source.close()
        self._settle(stopped)
        if not self._is_leaving:  # else the supervisor says what the camera does
            self._entry.set_state(CameraState.ENDED)

    def close(self) -> None:
        self._ring.close()

    def _open(self) -> Geometry:
        self._opened_s = None
        self._heartbeat.expect(_SILENCES_OF_AN_OPEN * self._source.silence_s)
        geometry = self._source.open(self._next_frame - self._entry.first_frame)
        self._opened_s = self._heard_s = time.monotonic()
        self._clock.begin()
        return geometry

    def _begin_epoch(self, geometry: Geometry) -> None:
        self._ring.begin_epoch(geometry, self._source.areas(geometry))
        self._is_live = False  # until a frame is there

    def _pump(self, stopped: Callable[[], bool]) -> None:
        slot = self._wait_for_slot(stopped)
        while slot is not None and not stopped():
            spare = self._spare_slot(slot)  # looked for early: a slot that is free stays free
            captured = self._read(slot)
            self._count_losses()
            if captured is None:
                self._look_for_silence()
                self._ring.replay_if_asked()
                continue
            pts_ns = self._clock.stamp(captured.pts_ns)
            ref = self._ring.fill(slot, self._next_frame, pts_ns, captured.waited_ns)
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
            else:  # no slot for the next frame: it takes the slot of this one
                self._counters.drop(DropReason.RING_FULL)

    def _read(self, slot: int) -> Captured | None:
        """Count the processor time of the read; that of all threads, since decoders have some."""
        self._heartbeat.expect(self._source.silence_s)
        before_ns = time.process_time_ns()
        try:
            return self._source.read(self._ring.take(slot))
        finally:
            self._counters.spend(time.process_time_ns() - before_ns)

    def _look_for_silence(self) -> None:
        """A live source may go on reading and find no frame that it could give."""
        silence_s = self._source.silence_s
        if self._source.lossless or time.monotonic() - self._heard_s < silence_s:
            return
        if self._entry.state is not CameraState.STALLED:
            self._report_absent(SourceStalled(f"no frame for {silence_s:g} s"))
            self._is_live = False

    def _spare_slot(self, slot: int) -> int | None:
        """A free slot for a live source's next frame; a lossless source waits for one later."""
        return None if self._source.lossless else self._ring.free_slot(besides=slot)

    def _count(self, frame_id: int) -> None:
        """Count a frame before it is sent, so that no successor gives its number to another."""
        self._counters.capture(frame_id, monotonic_ns())
        self._heard_s = time.monotonic()
        if not self._is_live:
            self._is_live = True
            if self._logged:
                lasted_s = self._heard_s - self._absent_s
                logger.info("{}: live, after {:.1f} s without a frame", self._name, lasted_s)
            self._logged = ""
            self._entry.set_state(CameraState.LIVE)

    def _count_losses(self) -> None:
        for reason, frames in self._source.take_losses().items():
            self._counters.drop(reason, frames)

    def _wait_for_slot(self, stopped: Callable[[], bool]) -> int | None:
        """A free slot, or None when the run is stopped first."""
        while not stopped():
            slot = self._ring.free_slot()
            if slot is not None:
                return slot
            self._turn(_FULL_RING_WAIT_S)
        return None

    def _settle(self, stopped: Callable[[], bool], limit_s: float = math.inf) -> None:
        """Wait until every sent frame is processed; frames are still sent again when asked."""
        deadline = time.monotonic() + limit_s
        while held := self._ring.held():
            if stopped() and not self._is_leaving:
                deadline = min(deadline, time.monotonic() + _SETTLE_AT_STOP_S)
            if time.monotonic() >= deadline:
                logger.warning("{}: {} frames were still under way", self._name, len(held))
                return
            self._turn(_FULL_RING_WAIT_S)

    def _rest(self, error: SourceError | ShmSpaceError, stopped: Callable[[], bool]) -> None:
        """Leave the source alone for a while; frames are still sent again when asked."""
        wait_s = self._wait_s(error)
        watched = wait_s > _WATCHED_WAIT_S and not isinstance(error, SourceDenied | ShmSpaceError)
        deadline = time.monotonic() + wait_s
        while (left := deadline - time.monotonic()) > 0 and not stopped():
            if watched and self._source.is_back():
                logger.info("{}: it can be reached again", self._name)
                self._backoff.reset()
                return
            self._turn(min(left, _STOP_POLL_S))

    def _turn(self, seconds: float) -> None:
        """Beat, then wait for a moment."""
        self._heartbeat.beat()
        self._ring.replay_if_asked()
        time.sleep(seconds)

    @property
    def _is_leaving(self) -> bool:
        return self._context.ledger.is_leaving(self._camera)

    def _first_frame(self) -> int:
        """Where a restarted process goes on: after the last frame that all ends have finished.

        A live source cannot be read again, so it goes on after the last captured frame.
        """
        if not self._source.lossless:
            return self._counters.last_frame_id + 1
        run, ledger = self._context.run, self._context.ledger
        ends = [process.index for process in run.processes if process.stage in run.topology.ends]
        finished = min(ledger.counts(self._camera, end).last_frame_id for end in ends)
        return max(finished + 1, self._entry.first_frame)

    def _is_final(self, error: SourceError | ShmSpaceError) -> bool:
        """Whether another try would not help. Memory that there was once may become free again."""
        if isinstance(error, ShmSpaceError):
            return self._entry.epoch == 0
        return self._source.lossless or isinstance(error, SourceGone)

    def _wait_s(self, error: SourceError | ShmSpaceError) -> float:
        if self._source.lossless:
            return _NO_ROOM_WAIT_S
        if isinstance(error, SourceDenied):  # the camera may take each try for an attack
            return self._backoff.longest_s()
        lasted_s = 0.0 if self._opened_s is None else time.monotonic() - self._opened_s
        return self._backoff.wait_s(lasted_s)

    def _report_absent(self, error: SourceError | ShmSpaceError) -> None:
        why = redact(str(error))
        stalled = isinstance(error, SourceStalled)
        state = CameraState.STALLED if stalled else CameraState.CONNECTING
        self._entry.set_state(state, why)
        if not self._logged:
            self._absent_s = time.monotonic()
        level = logging.DEBUG if why == self._logged else logging.WARNING
        logger.log(level, "{}: {}", self._name, why)
        self._logged = why
