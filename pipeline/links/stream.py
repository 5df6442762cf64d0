"""Stream links: to a stage that keeps up with every camera.

PUSH to PULL. Nothing is dropped: the slots of the rings bound how many frames are under way, so no
queue can grow without end. The reader binds; any number of senders connect.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Generic

import zmq

from pipeline.links.parcel import BodyT, Parcel, ParcelDecoder, encode_parcel
from pipeline.links.sockets import (
    DONTWAIT,
    INNER_HWM,
    LinkError,
    await_parcel,
    bind,
    make_socket,
    receive_parcels,
    stream_address,
)


class StreamReceiver(Generic[BodyT]):
    """The reading end of a stream. `body` is the kind of bodies that its stage reads."""

    def __init__(self, run_dir: Path, reader: str, body: type[BodyT]) -> None:
        self._decoder = ParcelDecoder(body)
        self.socket = make_socket(zmq.PULL)
        bind(self.socket, stream_address(run_dir, reader))

    def wait(self) -> Sequence[Parcel[BodyT | None]]:
        """The next parcel; nothing when none comes soon."""
        return await_parcel(self.socket, self._decoder)

    def receive(self) -> Iterator[Parcel[BodyT | None]]:
        """Yield the parcels that have arrived, without waiting."""
        return receive_parcels(self.socket, self._decoder)

    def done(self) -> None:
        """Does nothing: a stream has no credits."""

    def idle(self) -> None:
        """Does nothing: a stream has no reports."""

    def close(self) -> None:
        self.socket.close()


class StreamSender:
    """The sending end of a stream."""

    reports = None

    def __init__(self, run_dir: Path, reader: str) -> None:
        self._reader = reader
        self._socket = make_socket(zmq.PUSH)
        self._socket.connect(stream_address(run_dir, reader))

    def send(self, parcel: Parcel[Any]) -> None:
        """Raises LinkError when the reader is far behind, which is a defect and not a drop."""
        try:
            self._socket.send(encode_parcel(parcel), DONTWAIT)
        except zmq.Again:
            raise LinkError(f"link to {self._reader}: more than {INNER_HWM} frames wait") from None

    def serve(self) -> None:
        """Does nothing: ZeroMQ sends by itself."""

    def forget(self, camera: int) -> None:
        """Does nothing: frames do not wait here."""

    def close(self) -> None:
        self._socket.close()
