"""The loop of every stage but the source: receive, look up the frame, process, hand on."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from pipeline.links.chain import Chain
from pipeline.links.dispatch import DispatchReceiver, DispatchSender
from pipeline.links.link import Receiver, Sender
from pipeline.links.parcel import Parcel
from pipeline.links.reorder import Reorder
from pipeline.links.sockets import WAIT_MS, wait_for
from pipeline.links.stream import StreamReceiver, StreamSender
from pipeline.logger import logger
from pipeline.loops.frame_handler import FrameHandler
from pipeline.loops.run_inbox import RunInbox
from pipeline.memory.counters import DropReason
from pipeline.memory.frame_ref import FrameRef, Mark
from pipeline.memory.results import Results
from pipeline.memory.ring import Ring
from pipeline.memory.ring_cache import RingCache
from pipeline.realtime import monotonic_ns
from pipeline.stage import Context, Frame, Stage, StatefulStage
from pipeline.topology import LinkKind, StageSpec, Topology


class StageLoop:
    """Runs one stage between its links, and writes the process's rows of the ledger."""

    def __init__(self, context: Context, stage: Stage[Any, Any]) -> None:
        name, run_dir, topology = context.process.stage, context.run_dir, context.run.topology
        self._stage = stage
        self._cameras = context.cameras
        self._row = topology.stage(name)
        self._column = topology.names.index(name)
        self._ledger, self._results = context.ledger, Results(context.run, context.ledger)
        self._heartbeat, self._counters = context.heartbeat, context.counters
        self._serves_results = name not in topology.beside(topology.publisher)
        self._overtaken = (
            DropReason.NEWEST_WINS if self._serves_results else DropReason.NOT_RECORDED
        )
        self._rings = RingCache(run_dir)
        self._handler = FrameHandler(
            name, self._column, stage, self._counters, in_order=self._row.ordered
        )
        self._inbox = RunInbox(context, stage, self._forget)
        self._reorder = self._make_reorder()
        self._chain = Chain()
        self._receiver = _make_receiver(self._row, run_dir, stage.consumes)
        self._senders = [
            _make_sender(self._row, reader, run_dir, self._drop_for(reader, topology))
            for reader in topology.readers(name)
        ]

    def run(self, stopped: Callable[[], bool]) -> None:
        """Serve until `stopped`; work on a frame that has begun is finished first."""
        next_idle_ns = 0
        while not stopped():
            self._heartbeat.beat()
            self._inbox.look()
            arrived = self._await()
            for parcel in self._in_order(arrived):
                self._take(parcel)
            if (now_ns := monotonic_ns()) >= next_idle_ns:
                next_idle_ns = now_ns + WAIT_MS * 1_000_000
                self._stage.idle()
            if not arrived:
                self._receiver.idle()

    def close(self) -> None:
        self._receiver.close()
        for sender in self._senders:
            sender.close()

    def _await(self) -> Sequence[Parcel[Any]]:
        """What has come within a tick; reports wake this process only if frames wait for them."""
        reports = [sender.reports for sender in self._senders if sender.reports is not None]
        if reports:
            wait_for([self._receiver.socket, *reports], WAIT_MS)
            parcels: Sequence[Parcel[Any]] = list(self._receiver.receive())
        else:
            parcels = self._receiver.wait()
        if reports or not parcels:
            for sender in self._senders:
                sender.serve()
        return [parcel for parcel in parcels if self._is_known(parcel.ref)]

    def _in_order(self, parcels: Sequence[Parcel[Any]]) -> Iterable[Parcel[Any]]:
        if self._reorder is None:
            return parcels
        for parcel in parcels:
            self._reorder.put(parcel, monotonic_ns())
        return self._reorder.take(monotonic_ns())

    def _is_known(self, ref: FrameRef) -> bool:
        if not self._cameras.is_present(ref.camera):
            self._inbox.look()  # it has come, or come back, since the last look
        if ref.camera < len(self._cameras):
            return True
        logger.warning("inner link: expected one of {} cameras, got number {}",
                       len(self._cameras), ref.camera)  # fmt: skip
        return False

    def _forget(self, camera: int) -> None:
        """The camera is gone, and all its frames are stale."""
        self._rings.forget(camera)
        self._handler.forget(camera)
        if self._reorder is not None:
            self._reorder.forget(camera)
        self._chain.forget(camera)
        for sender in self._senders:
            sender.forget(camera)

    def _make_reorder(self) -> Reorder | None:
        """For a stage behind replicas, and for one that gets each frame once."""
        if not self._row.ordered and not isinstance(self._stage, StatefulStage):
            return None
        passed = [counters.last_frame_id for counters in self._counters]
        return Reorder(passed, lambda ref: self._rings.find(ref) is not None)

    def _drop_for(self, reader: StageSpec, topology: Topology) -> Callable[[FrameRef], None]:
        """What a sender calls when it drops a frame; one on its way to an end is published."""
        is_end = reader.name in topology.ends
        return partial(self._drop, reason=DropReason.NOT_RECORDED) if is_end else self._drop

    def _take(self, parcel: Parcel[Any]) -> None:
        if (ring := self._rings.find(parcel.ref)) is None:
            self._counters[parcel.ref.camera].discard()
        else:
            self._take_current(parcel, ring)
        self._receiver.done()

    def _take_current(self, parcel: Parcel[Any], ring: Ring) -> None:
        if ring.is_dropped(parcel.ref, self._column):  # it stays so, and is counted once
            self._counters[parcel.ref.camera].discard()
            ring.release(parcel.ref, self._column)
            self._chain.leave_out(parcel.ref)
        elif not self._ledger.is_skipped(parcel.ref.camera, self._column, parcel.ref.frame_id):
            self._serve(parcel, ring)
        elif self._serves_results:
            self._serve(self._skip(parcel), ring)
        else:
            self._drop(parcel.ref, DropReason.NOT_RECORDED)
            self._chain.leave_out(parcel.ref)

    def _serve(self, parcel: Parcel[Any], ring: Ring) -> None:
        ref, counters = parcel.ref, self._counters[parcel.ref.camera]
        frame = Frame(ref, ring, parcel.body, self._cameras[ref.camera], parcel.failure)
        if self._handler.is_overtaken(frame):
            self._drop(ref, self._overtaken)
            self._chain.leave_out(ref)
            return
        started_ns = monotonic_ns()
        self._heartbeat.take(ref)
        # A process that drops the newer copy may have looked before this one was taken: look again.
        if not ring.is_current(ref):
            self._heartbeat.let_go()
            counters.discard()
            return
        result = self._handler.handle(frame)
        now_ns = monotonic_ns()
        counters.work(now_ns - started_ns, now_ns)
        ring.finish(ref, self._column)  # what is counted is in the ring: so it is written first
        if ref.frame_id > counters.last_frame_id:
            counters.finish(ref.frame_id, failed=result.ref.failed, idle=result.ref.idle)
        self._heartbeat.let_go()
        if ring.is_current(ref):  # else it was sent again meanwhile, and its newer copy goes on
            ring.stamp(ref, self._column, now_ns)
            self._hand_on(result, ring)
        else:
            counters.discard()

    def _hand_on(self, parcel: Parcel[Any], ring: Ring) -> None:
        linked = self._chain.link(parcel.ref)
        if linked is not parcel.ref:
            parcel = Parcel(linked, parcel.body, parcel.failure)
        for sender in self._senders:
            sender.send(parcel)
        if not self._senders:
            ring.release(parcel.ref, self._column)

    def _skip(self, parcel: Parcel[Any]) -> Parcel[Any]:
        """The frame as one that this stage must not process."""
        ref = msgspec.structs.replace(parcel.ref, mark=Mark.SKIPPED)
        why = f"{self._row.name}: died or hung on this frame before: not looked at again"
        return Parcel(ref, None, why)

    def _drop(self, ref: FrameRef, reason: DropReason = DropReason.NEWEST_WINS) -> None:
        """A live camera's frame was given up for a newer one.

        One that was sent again may have its result already: then only its record is missing.
        """
        ring = self._rings.find(ref)
        if ring is None:
            self._counters[ref.camera].discard()
            return
        if self._results.has(ref.camera, ring, ref.slot):  # once released, it may be overwritten
            reason = DropReason.NOT_RECORDED
        ring.drop(ref, self._column)
        self._counters[ref.camera].drop(reason)


def _make_receiver(row: StageSpec, run_dir: Path, body: type[Any]) -> Receiver:
    if row.link is LinkKind.STREAM:
        return StreamReceiver(run_dir, row.name, body)
    assert row.reads is not None, f"{row.name}: a dispatch link needs a stage to read from"
    return DispatchReceiver(run_dir, row.reads, row.name, body)


def _make_sender(
    row: StageSpec, reader: StageSpec, run_dir: Path, on_drop: Callable[[FrameRef], None]
) -> Sender:
    if reader.link is LinkKind.STREAM:
        return StreamSender(run_dir, reader.name)
    return DispatchSender(
        run_dir, row.name, reader.name, depth=reader.depth, on_drop=on_drop,
        hands_on_idle=reader.hands_on_idle,
    )  # fmt: skip
