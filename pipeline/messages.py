"""What travels between the stages: a reference to a frame in shared memory, never its pixels."""

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from pipeline.errors import LineError

NO_FRAME = -1

Count = Annotated[int, Meta(ge=0)]


class FrameRef(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points to one captured frame in a slot of its camera's ring.

    `generation` counts how often the slot was rewritten: when the ring's own count has moved on,
    the reference is stale and the frame is discarded. `after` is the frame of this camera that was
    dispatched before this one, so that replicas' results can be put back into order without
    mistaking a dropped frame for a late one. `failed`: some stage could not process it; `skipped`
    says that none tried, since it had killed a stage before.
    """

    camera: Count
    epoch: Count
    slot: Count
    generation: Count
    frame_id: Count
    captured_ns: int
    lossless: bool
    after: Annotated[int, Meta(ge=NO_FRAME)] = NO_FRAME
    failed: bool = False
    skipped: bool = False


class Parcel(NamedTuple):
    """A frame reference and what the last stage says about the frame."""

    ref: FrameRef
    body: bytes = b""


class MessageError(LineError):
    """Bytes on an inner link that are no parcel."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Parcel)


def encode_parcel(parcel: Parcel) -> bytes:
    return _encoder.encode(parcel)


def decode_parcel(data: bytes) -> Parcel:
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise MessageError(f"no frame reference and body ({len(data)} bytes): {error}") from None
