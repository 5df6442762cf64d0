"""What H.264 and H.265 have in common on their way through RTP."""

from typing import Protocol

from stages.readers.rtsp.sdp import START_CODE


class Unit:
    """One picture that is being put together, in the form of Annex B.

    `pictured` tells that a part of the picture itself is there, not only what precedes it;
    `whole_start` that the first part of it is there; `begins_round` that it is no key picture, but
    that those some pictures later are whole without what precedes it.
    """

    __slots__ = (
        "begins_round", "damaged", "data", "gap_before", "key", "pictured", "timestamp",
        "whole_start",
    )  # fmt: skip

    def __init__(self, timestamp: int) -> None:
        self.data = bytearray()
        self.timestamp = timestamp
        self.pictured = self.key = self.whole_start = self.begins_round = False
        self.damaged = self.gap_before = False

    def begin_nal(self, header: bytes) -> None:
        self.data += START_CODE
        self.data += header


class Depacketizer(Protocol):
    """Takes the payloads of one coding apart."""

    codec: str  # FFmpeg's name of the decoder

    def append(self, payload: memoryview, unit: Unit) -> bool:
        """Add what is in a payload; False if it cannot be understood, or lacks its beginning."""
        ...

    def begins_unit(self, payload: memoryview) -> bool:
        """Whether this cannot belong to a picture of which a part is there already."""
        ...

    def continues_picture(self, payload: memoryview) -> bool:
        """Whether this is a later part of a picture."""
        ...

    def reset(self) -> None:
        """Packets are missing: a fragment that was begun goes on no more."""
        ...
