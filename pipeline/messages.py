"""What travels between the stages: a reference to a frame in shared memory, never its pixels."""

import msgspec

from pipeline.errors import LineError

NO_FRAME = -1


class FrameRef(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points to one captured frame in a slot of its camera's ring.

    `generation` counts how often the slot was rewritten: when the ring's own count has moved on,
    the reference is stale and the frame is discarded. `after` is the frame of this camera that was
    dispatched before this one, so that replicas' results can be put back into order without
    mistaking a dropped frame for a late one.
    """

    camera: int
    epoch: int
    slot: int
    generation: int
    frame_id: int
    captured_ns: int
    lossless: bool
    after: int = NO_FRAME
    failed: bool = False


class MessageError(LineError):
    """Bytes on an inner link that are no frame reference."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(FrameRef)


def encode_ref(ref: FrameRef) -> bytes:
    return _encoder.encode(ref)


def decode_ref(data: bytes) -> FrameRef:
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise MessageError(f"not a frame reference ({len(data)} bytes): {error}") from None
