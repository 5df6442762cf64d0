"""What travels between the stages: a reference to a frame in shared memory, never its pixels."""

from typing import NamedTuple

import msgspec

from pipeline.errors import LineError
from pipeline.memory.frame_ref import FrameRef


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
