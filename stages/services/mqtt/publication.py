"""One message for the broker."""

from typing import NamedTuple


class Publication(NamedTuple):
    """`retain` has the broker keep it for those who subscribe later."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True
