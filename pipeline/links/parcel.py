"""What travels between the stages: a reference to a frame in shared memory, never its pixels.

On a link a parcel is a msgpack array of three: the reference, the body, the reason of a failure.
Each stage declares the kind of body that it reads (`pipeline.stage`); any other is refused.
"""

from typing import Any, Generic, TypeVar

import msgspec

from pipeline.errors import LineError
from pipeline.memory.frame_ref import FrameRef

BodyT = TypeVar("BodyT")


class Body(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """Base of what a stage says about a frame. On a link its first element names its class."""


class Parcel(msgspec.Struct, Generic[BodyT], frozen=True, array_like=True, gc=False):
    """A frame reference, and what the last stage says about the frame.

    `failure` says which stage could not process the frame, and why; it is empty if none failed. A
    frame that failed may travel without a body.
    """

    ref: FrameRef
    body: BodyT
    failure: str = ""


class MessageError(LineError):
    """Bytes on an inner link that are no parcel."""


class ParcelDecoder(Generic[BodyT]):
    """Decodes parcels with bodies of one kind, or without a body.

    Args:
        body: a subclass of `Body`, or NoneType.
    """

    def __init__(self, body: type[BodyT]) -> None:
        self._decoder: msgspec.msgpack.Decoder[Parcel[BodyT | None]] = msgspec.msgpack.Decoder(
            Parcel[body | None]  # type: ignore[valid-type]
        )

    def decode(self, data: bytes) -> Parcel[BodyT | None]:
        """Raises MessageError."""
        try:
            return self._decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            size = len(data)
            raise MessageError(f"no frame reference and body ({size} bytes): {error}") from None


_encoder = msgspec.msgpack.Encoder()


def encode_parcel(parcel: Parcel[Any]) -> bytes:
    return _encoder.encode(parcel)
