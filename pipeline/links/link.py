"""The two ends of a link between stages, whatever its kind."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import zmq

from pipeline.links.parcel import Parcel


class Receiver(Protocol):
    """The reading end."""

    @property
    def socket(self) -> zmq.Socket[bytes]:
        """Becomes readable when a parcel has arrived."""
        ...

    def wait(self) -> Sequence[Parcel[Any]]:
        """The next parcel; nothing when none comes soon."""
        ...

    def receive(self) -> Iterator[Parcel[Any]]:
        """Yield the parcels that have arrived, without waiting."""
        ...

    def done(self) -> None:
        """One more received parcel is dealt with."""
        ...

    def idle(self) -> None:
        """Nothing arrived for a while."""
        ...

    def close(self) -> None: ...


class Sender(Protocol):
    """The sending end."""

    @property
    def reports(self) -> zmq.Socket[bytes] | None:
        """Becomes readable when receivers have reported; None while no frame waits for that."""
        ...

    def send(self, parcel: Parcel[Any]) -> None: ...

    def serve(self) -> None:
        """Read the reports that have arrived, and send what may be sent now."""
        ...

    def forget(self, camera: int) -> None:
        """The camera is gone: keep nothing of it."""
        ...

    def close(self) -> None: ...
