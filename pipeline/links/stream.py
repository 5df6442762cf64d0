"""Stream links: to a stage that keeps up with every camera.

PUSH to PULL, never dropping: what is under way is bounded by the slots of the rings, so no queue
can grow. The reader binds, any number of senders connect.
"""

from collections.abc import Iterator
from pathlib import Path

import zmq

from pipeline.links.parcel import Parcel, encode_parcel
from pipeline.links.sockets import (
    INNER_HWM,
    LinkError,
    bind,
    make_socket,
    receive_parcels,
    stream_address,
)


class StreamReceiver:
    """Reading end of a stream."""

    def __init__(self, run_dir: Path, reader: str) -> None:
        self.socket = make_socket(zmq.PULL)
        bind(self.socket, stream_address(run_dir, reader))

    def receive(self) -> Iterator[Parcel]:
        """Yield what has arrived, without waiting."""
        return receive_parcels(self.socket)

    def close(self) -> None:
        self.socket.close()

    def done(self) -> None:
        """Nothing to say: a stream has no credits."""

    def idle(self) -> None:
        """Nothing to say either."""


class StreamSender:
    """Sending end of a stream."""

    def __init__(self, run_dir: Path, reader: str) -> None:
        self._reader = reader
        self.socket = make_socket(zmq.PUSH)
        self.socket.connect(stream_address(run_dir, reader))

    def send(self, parcel: Parcel) -> None:
        try:
            self.socket.send(encode_parcel(parcel), zmq.DONTWAIT)
        except zmq.Again:
            raise LinkError(f"link to {self._reader}: more than {INNER_HWM} frames wait") from None

    def serve(self) -> None:
        """Nothing to do: ZeroMQ sends."""

    def close(self) -> None:
        self.socket.close()
