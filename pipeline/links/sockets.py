"""How every inner socket is made: its limits, lifetime and address.

The sockets of a run are files in its private directory (mode 0700).
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import zmq

from pipeline.errors import LineError
from pipeline.links.parcel import BodyT, MessageError, Parcel, ParcelDecoder
from pipeline.logger import logger

INNER_HWM = 10_000  # rings hold far fewer frames: a full link is a defect, not a drop
WAIT_MS = 50  # how long a receiver waits for a parcel
_RECONNECT_MS = 10  # so that senders find a restarted stage at once
_MAX_MESSAGE_BYTES = 1 << 20
# As plain numbers: each operation on the enumerations of pyzmq runs through several calls.
DONTWAIT, SNDMORE, _POLLIN = int(zmq.DONTWAIT), int(zmq.SNDMORE), int(zmq.POLLIN)


class LinkError(LineError):
    """A socket cannot be opened, or an inner link is full."""


def make_socket(kind: int) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
    socket.setsockopt(zmq.SNDHWM, INNER_HWM)
    socket.setsockopt(zmq.RCVHWM, INNER_HWM)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
    socket.setsockopt(zmq.MAXMSGSIZE, _MAX_MESSAGE_BYTES)
    socket.setsockopt(zmq.RCVTIMEO, WAIT_MS)  # where it is received from without DONTWAIT
    return socket


def bind(socket: zmq.Socket[bytes], address: str) -> None:
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        socket.close()
        raise LinkError(f"cannot listen at {address}: {error}") from None


def flush() -> None:
    """Wait until closed sockets have sent their last messages and removed their files."""
    zmq.Context.instance().destroy()


def stream_address(run_dir: Path, reader: str) -> str:
    return f"ipc://{run_dir}/{reader}.ipc"


def dispatch_address(run_dir: Path, sender: str, reader: str) -> str:
    return f"ipc://{run_dir}/{sender}-{reader}.ipc"


def messages_address(run_dir: Path) -> str:
    """Where the services of a run receive its messages."""
    return f"ipc://{run_dir}/messages.ipc"


def has_message(socket: zmq.Socket[bytes]) -> bool:
    """Whether a message can be received without waiting. It costs less than a failed receive."""
    return wait_for([socket], 0)


def wait_for(sockets: Iterable[zmq.Socket[bytes]], milliseconds: int) -> bool:
    """Whether any of the sockets has a message before the time is over."""
    return bool(zmq.zmq_poll([(socket, _POLLIN) for socket in sockets], milliseconds))


def receive_parts(socket: zmq.Socket[bytes]) -> list[bytes]:
    """The parts of a message that has arrived."""
    parts = []
    while True:
        part = socket.recv(DONTWAIT, copy=False)
        parts.append(part.bytes)
        if not part.more:
            return parts


def receive_parcels(
    socket: zmq.Socket[bytes], decoder: ParcelDecoder[BodyT]
) -> Iterator[Parcel[BodyT | None]]:
    """Yield the parcels that have arrived, without waiting; other bytes are logged and skipped."""
    while has_message(socket):
        yield from _decode(socket.recv(DONTWAIT), decoder)


def await_parcel(
    socket: zmq.Socket[bytes], decoder: ParcelDecoder[BodyT]
) -> Sequence[Parcel[BodyT | None]]:
    """The next parcel; nothing when none comes within `WAIT_MS`, or other bytes, which are logged.

    A receive that waits takes half of the system calls of a poll and a receive.
    """
    try:
        return _decode(socket.recv(), decoder)
    except zmq.Again:
        return ()


def _decode(data: bytes, decoder: ParcelDecoder[BodyT]) -> Sequence[Parcel[BodyT | None]]:
    try:
        return (decoder.decode(data),)
    except MessageError as error:
        logger.warning("inner link: {}", error)
        return ()
