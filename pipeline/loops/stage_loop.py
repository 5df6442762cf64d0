"""The loop of every stage but the source: receive, look up the frame, process, hand on."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import zmq
from loguru import logger

from pipeline.errors import FrameError
from pipeline.links.dispatch import DispatchReceiver, DispatchSender
from pipeline.links.parcel import Parcel
from pipeline.links.reorder import Reorder
from pipeline.links.stream import StreamReceiver, StreamSender
from pipeline.memory.frame_ref import FrameRef
from pipeline.memory.heartbeat import Heartbeat
from pipeline.memory.ledger import DropReason
from pipeline.memory.ring import Ring
from pipeline.memory.ring_cache import RingCache
from pipeline.realtime import monotonic_ns
from pipeline.stage import Context, Frame, Stage
from pipeline.topology import LinkKind, ProcessSpec, StageSpec, Topology

_TICK_MS = 50
_KEPT_DROPS = 64  # far more than are dropped while frames are sent again


class StageLoop:
    """Runs one stage between its links, and keeps its row of the books."""

    def __init__(self, process: ProcessSpec, context: Context, pulse: Heartbeat) -> None:
        run_dir, topology = context.run_dir, context.run.topology
        self._cameras = context.run.cameras
        self._row = topology.stage(process.stage)
        self._column = topology.names.index(process.stage)
        self._ledger = context.ledger
        self._pulse = pulse
        self._index, self._publisher = process.index, context.run.publisher
        self._tallies = [
            context.ledger.tally(camera, process.index) for camera in range(len(self._cameras))
        ]
        self._serves_results = process.stage not in topology.beside(topology.publisher)
        self._rings = RingCache(run_dir)
        self._dropped: dict[tuple[int, int], None] = {}  # (camera, frame_id), the newest last
        self._reorder = self._make_reorder() if self._row.ordered else None
        self._inlet = _make_inlet(self._row, run_dir)
        self._outlets = [
            _make_outlet(self._row, reader, run_dir, self._drop_for(reader, topology))
            for reader in topology.readers(process.stage)
        ]
        self._poller = zmq.Poller()
        self._poller.register(self._inlet.socket, zmq.POLLIN)
        for outlet in self._outlets:
            if isinstance(outlet, DispatchSender):
                self._poller.register(outlet.socket, zmq.POLLIN)

    def run(self, stage: Stage, stopped: Callable[[], bool]) -> None:
        """Serve until `stopped`; the frame in hand is finished first."""
        next_idle_ns = 0
        while not stopped():
            self._pulse.beat()
            arrived = bool(self._poller.poll(_TICK_MS))
            for outlet in self._outlets:
                outlet.serve()
            for parcel in self._in_order():
                self._handle(parcel, stage)
            if monotonic_ns() >= next_idle_ns:
                next_idle_ns = monotonic_ns() + _TICK_MS * 1_000_000
                stage.idle()
            if not arrived:
                self._inlet.idle()

    def close(self) -> None:
        for link in (self._inlet, *self._outlets):
            link.close()

    def _in_order(self) -> Iterator[Parcel]:
        if self._reorder is None:
            return self._receive()
        for parcel in self._receive():
            self._reorder.put(parcel, monotonic_ns())
        return self._reorder.take(monotonic_ns())

    def _receive(self) -> Iterator[Parcel]:
        for parcel in self._inlet.receive():
            if parcel.ref.camera < len(self._cameras):
                yield parcel
            else:
                logger.warning("inner link: expected one of {} cameras, got number {}",
                               len(self._cameras), parcel.ref.camera)  # fmt: skip

    def _make_reorder(self) -> Reorder:
        passed = [tally.last_frame_id for tally in self._tallies]
        return Reorder(passed, lambda ref: self._rings.find(ref) is not None, self._drop)

    def _drop_for(self, reader: StageSpec, topology: Topology) -> Callable[[FrameRef], None]:
        """What a dispatcher calls; what waits for an end of the graph is published already."""
        is_end = reader.name in topology.ends
        return partial(self._drop, reason=DropReason.NOT_RECORDED) if is_end else self._drop

    def _handle(self, parcel: Parcel, stage: Stage) -> None:
        if (parcel.ref.camera, parcel.ref.frame_id) in self._dropped:
            self._release_again(parcel.ref)
        elif (ring := self._rings.find(parcel.ref)) is None:
            self._tallies[parcel.ref.camera].discard()
        else:
            self._serve(parcel, ring, stage)
        self._inlet.done()

    def _serve(self, parcel: Parcel, ring: Ring, stage: Stage) -> None:
        ref = parcel.ref
        tally = self._tallies[ref.camera]
        repeated = ref.frame_id <= tally.last_frame_id
        if self._ledger.is_skipped(ref.camera, self._column, ref.frame_id):
            if not self._serves_results:
                self._drop(ref, DropReason.NOT_RECORDED)
                return
            parcel = self._skip(parcel)
            ref = parcel.ref
        started_ns = monotonic_ns()
        frame = Frame(ref, ring, parcel.body, self._cameras[ref.camera], repeated)
        self._pulse.take(ref)
        if not ring.is_current(ref):  # whoever drops the newer copy may not have seen this in hand
            self._pulse.let_go()
            tally.discard()
            return
        passed_on = self._work(stage, frame)
        now_ns = monotonic_ns()
        tally.work(now_ns - started_ns, now_ns)
        if not repeated:
            tally.finish(ref.frame_id, failed=passed_on.ref.failed)
        self._pulse.let_go()
        if ring.is_current(ref):  # else it was sent again meanwhile: the other one goes on
            ring.stamp(ref, self._column, now_ns)
            self._hand_on(passed_on)
            if not self._outlets:
                ring.release(ref, self._column)
        else:
            tally.discard()

    def _release_again(self, ref: FrameRef) -> None:
        """A frame that was sent again while it was dropped stays dropped, and counted once."""
        self._tallies[ref.camera].discard()
        ring = self._rings.find(ref)
        if ring is not None:
            ring.release(ref, self._column)

    def _skip(self, parcel: Parcel) -> Parcel:
        """The frame as one that this stage is not to look at."""
        ref = msgspec.structs.replace(parcel.ref, failed=True, skipped=True)
        why = f"{self._row.name}: died or hung on this frame before: not looked at again"
        return Parcel(ref, why.encode())

    def _work(self, stage: Stage, frame: Frame) -> Parcel:
        if frame.ref.failed:
            return Parcel(frame.ref, stage.pass_failed(frame))
        try:
            return Parcel(frame.ref, stage.process(frame))
        except FrameError as error:
            logger.warning("{} frame {}: {}", frame.camera, frame.ref.frame_id, error)
            failed = msgspec.structs.replace(frame.ref, failed=True)
            return Parcel(failed, f"{self._row.name}: {error}".encode())

    def _hand_on(self, parcel: Parcel) -> None:
        for outlet in self._outlets:
            outlet.send(parcel)

    def _drop(self, ref: FrameRef, reason: DropReason = DropReason.NEWEST_WINS) -> None:
        """A live camera's frame was given up for a newer one.

        One that was sent again may have its result already: then only its record is missing.
        """
        ring = self._rings.find(ref)
        if ring is None:
            self._tallies[ref.camera].discard()
            return
        self._dropped[ref.camera, ref.frame_id] = None
        if len(self._dropped) > _KEPT_DROPS:
            del self._dropped[next(iter(self._dropped))]
        ring.release(ref, self._column)
        if self._ledger.has_result(ref.camera, self._publisher, ref.frame_id):
            reason = DropReason.NOT_RECORDED
        self._ledger.count_drop(ref.camera, self._index, reason)


def _make_inlet(row: StageSpec, run_dir: Path) -> StreamReceiver | DispatchReceiver:
    if row.link is LinkKind.STREAM:
        return StreamReceiver(run_dir, row.name)
    assert row.reads is not None, f"{row.name} dispatches from nowhere"
    return DispatchReceiver(run_dir, row.reads, row.name)


def _make_outlet(
    row: StageSpec, reader: StageSpec, run_dir: Path, on_drop: Callable[[FrameRef], None]
) -> StreamSender | DispatchSender:
    if reader.link is LinkKind.STREAM:
        return StreamSender(run_dir, reader.name)
    return DispatchSender(run_dir, row.name, reader.name, depth=reader.depth, on_drop=on_drop)
