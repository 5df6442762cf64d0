"""How every inner socket is made: limits, lifetimes and addresses in one place.

Sockets of a run live in its private directory (mode 0700), one file each.
"""

from collections.abc import Iterator
from pathlib import Path

import zmq
from loguru import logger

from pipeline.errors import LineError
from pipeline.links.parcel import MessageError, Parcel, decode_parcel

INNER_HWM = 10_000  # never reached: rings hold far fewer frames; a full link is a bug, not a drop
_RECONNECT_MS = 10  # a restarted stage is found at once
_MAX_MESSAGE_BYTES = 1 << 20


class LinkError(LineError):
    """A socket could not be opened, or an inner link is full."""


def make_socket(kind: int) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
    socket.setsockopt(zmq.SNDHWM, INNER_HWM)
    socket.setsockopt(zmq.RCVHWM, INNER_HWM)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
    socket.setsockopt(zmq.MAXMSGSIZE, _MAX_MESSAGE_BYTES)
    return socket


def bind(socket: zmq.Socket[bytes], address: str) -> None:
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        socket.close()
        raise LinkError(f"cannot listen at {address}: {error}") from None


def flush() -> None:
    """Wait until closed sockets have sent what they linger for and removed their files."""
    zmq.Context.instance().destroy()


def stream_address(run_dir: Path, reader: str) -> str:
    return f"ipc://{run_dir}/{reader}.ipc"


def dispatch_address(run_dir: Path, sender: str, reader: str) -> str:
    return f"ipc://{run_dir}/{sender}-{reader}.ipc"


def messages_address(run_dir: Path) -> str:
    """Where the services of a run receive its messages."""
    return f"ipc://{run_dir}/messages.ipc"


def has_message(socket: zmq.Socket[bytes]) -> bool:
    """Whether something can be received without waiting; asking costs less than a failed try."""
    return bool(int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN)


def receive_parcels(socket: zmq.Socket[bytes]) -> Iterator[Parcel]:
    """Yield what has arrived, without waiting; what is no parcel is reported and left out."""
    while has_message(socket):
        try:
            yield decode_parcel(socket.recv(zmq.DONTWAIT))
        except MessageError as error:
            logger.warning("inner link: {}", error)
