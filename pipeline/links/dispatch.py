"""Dispatch links: to a stage that may be slower than the cameras, in any number of replicas.

The sender keeps the frames that wait and gives them to free receivers. Of a live camera it keeps
the newest frames and drops the oldest, counted; of a lossless one it drops nothing. High-water
marks decide nothing here: they would keep the oldest frames and lose the newest.

An idle frame is no work for a stage that hands it on as it is. It does not wait until a receiver is
free, and it takes the place of no frame that the stage is to look at.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic

import zmq

from pipeline.links.chain import Chain
from pipeline.links.parcel import BodyT, Parcel, ParcelDecoder, encode_parcel
from pipeline.links.sockets import (
    DONTWAIT,
    SNDMORE,
    await_parcel,
    bind,
    dispatch_address,
    has_message,
    make_socket,
    receive_parcels,
    receive_parts,
)
from pipeline.logger import logger
from pipeline.memory.frame_ref import FrameRef

_PREFETCH = 2  # lossless frames per receiver: one in work, one ready, so that it is never idle
_REPORT_BYTES = 8


class DispatchReceiver(Generic[BodyT]):
    """The reading end: it reports to the sender how many frames it has finished.

    The count is cumulative. So a report that is lost or repeated does no harm, and a restarted
    sender learns of its receivers from the next report of an idle one.
    """

    def __init__(self, run_dir: Path, sender: str, reader: str, body: type[BodyT]) -> None:
        self._decoder = ParcelDecoder(body)
        self.socket = make_socket(zmq.DEALER)
        self.socket.connect(dispatch_address(run_dir, sender, reader))
        self._finished = 0
        self.idle()

    def wait(self) -> Sequence[Parcel[BodyT | None]]:
        """The next parcel; nothing when none comes soon."""
        return await_parcel(self.socket, self._decoder)

    def receive(self) -> Iterator[Parcel[BodyT | None]]:
        """Yield the parcels that have arrived, without waiting."""
        return receive_parcels(self.socket, self._decoder)

    def done(self) -> None:
        """One more frame is finished: the sender may send the next."""
        self._finished += 1
        self.idle()

    def idle(self) -> None:
        """Report the count again."""
        with contextlib.suppress(zmq.Again):  # no sender at present: it gets the next report
            self.socket.send(self._finished.to_bytes(_REPORT_BYTES, "big"), DONTWAIT)

    def close(self) -> None:
        self.socket.close()


class DispatchSender:
    """The sending end: it knows which frames wait, and which receivers are free.

    Args:
        depth: how many frames of a live camera may wait.
        on_drop: called with each frame that is dropped.
        hands_on_idle: the receivers have no work with idle frames.
    """

    def __init__(
        self,
        run_dir: Path,
        sender: str,
        reader: str,
        *,
        depth: int,
        on_drop: Callable[[FrameRef], None],
        hands_on_idle: bool = False,
    ) -> None:
        self._socket = make_socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # sending to a dead receiver is an error
        bind(self._socket, dispatch_address(run_dir, sender, reader))
        self._depth = depth
        self._on_drop = on_drop
        self._hands_on_idle = hands_on_idle
        self._waiting: dict[int, deque[Parcel[Any]]] = {}  # by camera, longest unserved first
        self._receivers: dict[bytes, _Credit] = {}  # by ZeroMQ identity
        self._chain = Chain()

    @property
    def reports(self) -> zmq.Socket[bytes] | None:
        """Becomes readable when receivers have reported; None while no frame waits for that."""
        return self._socket if self._is_waiting else None

    @property
    def receiver_count(self) -> int:
        """Receivers that have reported so far and are not known to be dead."""
        return len(self._receivers)

    def send(self, parcel: Parcel[Any]) -> None:
        """Let a frame wait for a free receiver; a live camera's oldest is dropped to make room."""
        queue = self._waiting.setdefault(parcel.ref.camera, deque())
        if not parcel.ref.lossless:
            alike = [other for other in queue if self._is_free(other) == self._is_free(parcel)]
            if len(alike) >= self._depth:
                queue.remove(alike[0])
                self._chain.leave_out(alike[0].ref)
                self._on_drop(alike[0].ref)
        queue.append(parcel)
        self.serve()

    def serve(self) -> None:
        """Read the reports that have arrived, then send what waits to free receivers."""
        while has_message(self._socket):
            self._take_report(receive_parts(self._socket))
        while self._is_waiting and (camera := self._next_camera()) is not None:
            self._send_next(camera)

    def forget(self, camera: int) -> None:
        """The camera is gone, and what waits of it is counted."""
        self._waiting.pop(camera, None)
        self._chain.forget(camera)

    def close(self) -> None:
        self._socket.close()

    @property
    def _is_waiting(self) -> bool:
        return any(self._waiting.values())

    def _take_report(self, parts: list[bytes]) -> None:
        identity, *report = parts
        if len(report) != 1 or len(report[0]) != _REPORT_BYTES:
            logger.warning("inner link: expected a receiver's report, got {} parts", len(report))
            return
        credit = self._receivers.get(identity)
        if credit is None:
            credit = self._receivers[identity] = _Credit()
        credit.report(int.from_bytes(report[0], "big"))

    def _next_camera(self) -> int | None:
        """The camera whose turn it is, or None while no frame may be sent; some frame waits.

        A busy receiver may get a lossless frame ahead of time, but never a live one: a live frame
        waits here, where a newer one can replace it. While a live frame waits, no receiver is
        filled up ahead of it.
        """
        if not self._receivers:
            return None
        waiting = [(camera, queue) for camera, queue in self._waiting.items() if queue]
        for camera, queue in waiting:
            if self._is_free(queue[0]):
                return camera
        least_held = min(credit.held for credit in self._receivers.values())
        if least_held == 0:
            return waiting[0][0]
        all_lossless = all(queue[0].ref.lossless for _, queue in waiting)
        return waiting[0][0] if all_lossless and least_held < _PREFETCH else None

    def _is_free(self, parcel: Parcel[Any]) -> bool:
        """Whether it costs its receiver nothing."""
        return self._hands_on_idle and parcel.ref.idle

    def _send_next(self, camera: int) -> None:
        """Send a camera's oldest waiting frame to the receiver that holds the fewest."""
        identity = min(self._receivers, key=lambda receiver: self._receivers[receiver].held)
        queue = self._waiting.pop(camera)
        ref = self._chain.link(queue[0].ref)
        parcel = Parcel(ref, queue[0].body, queue[0].failure)
        try:
            self._socket.send(identity, DONTWAIT | SNDMORE)
            self._socket.send(encode_parcel(parcel), DONTWAIT)
        except zmq.ZMQError:  # the receiver is dead; capture sends again what it held
            del self._receivers[identity]
        else:
            self._receivers[identity].sent += 1
            queue.popleft()
        self._waiting[camera] = queue  # at the end: its next turn comes after all others'


class _Credit:
    """How many frames one receiver holds."""

    def __init__(self) -> None:
        self.sent = 0
        self._finished = 0
        self._base: int | None = None

    def report(self, count: int) -> None:
        if self._base is None:  # it may have served an earlier sender: counting begins here
            self._base = count
        self._finished = count - self._base

    @property
    def held(self) -> int:
        return max(self.sent - self._finished, 0)
