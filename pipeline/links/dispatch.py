"""Dispatch links: to a stage that may be slower than the cameras, in any number of replicas.

The sender keeps what waits and hands it to whoever is free. Of a live camera it keeps the newest
and drops the oldest, counted; of a lossless one it drops nothing. Nothing is left to high-water
marks: those would keep the oldest frames and lose the newest.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import zmq
from loguru import logger

from pipeline.links.parcel import Parcel, encode_parcel
from pipeline.links.sockets import bind, dispatch_address, has_message, make_socket, receive_parcels
from pipeline.memory.frame_ref import FrameRef

_PREFETCH = 2  # lossless frames a worker may hold: one in work, one ready, so that it never idles
_REPORT_BYTES = 8


class DispatchReceiver:
    """Reading end: it reports to the sender how many frames it has finished.

    The count is cumulative, so that a lost or repeated report does no harm, and a sender that was
    restarted learns of its workers from the next report of an idle one.
    """

    def __init__(self, run_dir: Path, sender: str, reader: str) -> None:
        self.socket = make_socket(zmq.DEALER)
        self.socket.connect(dispatch_address(run_dir, sender, reader))
        self._finished = 0
        self.idle()

    def receive(self) -> Iterator[Parcel]:
        """Yield what has arrived, without waiting."""
        return receive_parcels(self.socket)

    def close(self) -> None:
        self.socket.close()

    def done(self) -> None:
        """One more frame is finished: the next may come."""
        self._finished += 1
        self.idle()

    def idle(self) -> None:
        """Report the count again."""
        with contextlib.suppress(zmq.Again):  # no sender for now: it hears the next report
            self.socket.send(self._finished.to_bytes(_REPORT_BYTES, "big"), zmq.DONTWAIT)


class DispatchSender:
    """Sending end: what waits, and who is free."""

    def __init__(
        self,
        run_dir: Path,
        sender: str,
        reader: str,
        *,
        depth: int,
        on_drop: Callable[[FrameRef], None],
    ) -> None:
        self.socket = make_socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # sending to a dead worker is an error
        bind(self.socket, dispatch_address(run_dir, sender, reader))
        self._depth = depth
        self._on_drop = on_drop
        self._waiting: dict[int, deque[Parcel]] = {}  # by camera, longest unserved first
        self._workers: dict[bytes, _Credit] = {}
        self._last_sent: dict[int, int] = {}  # frame_id by camera

    def send(self, parcel: Parcel) -> None:
        """Let a frame wait for a free worker; a live camera's oldest makes room for it."""
        queue = self._waiting.setdefault(parcel.ref.camera, deque())
        if not parcel.ref.lossless and len(queue) >= self._depth:
            self._on_drop(queue.popleft().ref)
        queue.append(parcel)
        self.serve()

    def close(self) -> None:
        self.socket.close()

    def serve(self) -> None:
        """Hear what workers report, then hand out what waits."""
        while has_message(self.socket):
            self._hear(self.socket.recv_multipart(zmq.DONTWAIT))
        while (camera := self._next_camera()) is not None:
            self._hand_out(camera)

    def _hear(self, parts: list[bytes]) -> None:
        identity, *report = parts
        if len(report) != 1 or len(report[0]) != _REPORT_BYTES:
            logger.warning("inner link: expected a worker's report, got {} parts", len(report))
            return
        credit = self._workers.setdefault(identity, _Credit())
        credit.report(int.from_bytes(report[0], "big"))

    def _next_camera(self) -> int | None:
        """The camera whose turn it is, or None while nothing may be handed out.

        A busy worker may be handed a lossless frame ahead of time, never a live one: that waits
        here, where a newer one can take its place. And while a live one waits, no worker is
        filled up ahead of it.
        """
        waiting = [
            (camera, queue[0].ref.lossless) for camera, queue in self._waiting.items() if queue
        ]
        if not waiting or not self._workers:
            return None
        least_held = min(credit.held for credit in self._workers.values())
        if least_held == 0:
            return waiting[0][0]
        all_lossless = all(lossless for _, lossless in waiting)
        return waiting[0][0] if all_lossless and least_held < _PREFETCH else None

    def _hand_out(self, camera: int) -> None:
        identity = min(self._workers, key=lambda worker: self._workers[worker].held)
        queue = self._waiting.pop(camera)
        ref, body = queue[0]
        ref = msgspec.structs.replace(ref, after=self._last_sent.get(camera, ref.after))
        try:
            self.socket.send_multipart([identity, encode_parcel(Parcel(ref, body))], zmq.DONTWAIT)
        except zmq.ZMQError:  # the worker is dead; what it held is sent again by capture
            del self._workers[identity]
        else:
            self._workers[identity].sent += 1
            self._last_sent[camera] = ref.frame_id
            queue.popleft()
        self._waiting[camera] = queue  # its next turn comes after all others'


class _Credit:
    """How many frames one worker holds."""

    def __init__(self) -> None:
        self.sent = 0
        self._finished = 0
        self._base: int | None = None

    def report(self, count: int) -> None:
        if self._base is None:  # a worker that served an earlier sender starts at its own count
            self._base = count
        self._finished = count - self._base

    @property
    def held(self) -> int:
        return max(self.sent - self._finished, 0)
