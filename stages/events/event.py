"""What is told of the tracks of one camera, numbered without gaps."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from stages.kernels.boxes import Wh

Box: TypeAlias = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels of the display
Kind: TypeAlias = Literal[
    "track_begin", "track_end", "zone_enter", "zone_leave", "zone_dwell", "line_cross"
]
# Why a track ended: it went out of the picture, it was not seen for long, the source was opened
# again, the line stops.
EndReason: TypeAlias = Literal["left", "lost", "epoch", "stop"]
LeaveReason: TypeAlias = EndReason | Literal["out"]  # the object is seen outside of the zone


class Moment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """When a frame was captured."""

    frame_id: int
    epoch: int
    pts_ns: int  # on the clock of the source, which never goes back within an epoch
    captured_unix_ns: int


class Sighting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A track in a frame."""

    track_id: int
    class_id: int
    score: float  # the track's: the median of the newest ones
    box: Box
    frame_wh: Wh  # of the display, which an event of an earlier connection may not share
    moment: Moment


class Life(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A track from its begin to its end."""

    first_seen: Moment  # with its id
    last_seen: Moment
    best_score: float
    best_box: Box
    best_frame_id: int
    median_score: float  # of its newest looks
    path: tuple[tuple[float, float], ...]  # of the bottom centre, in shares of the picture


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Something that happened to a track. From `track_id` to `captured_unix_ns`, the sighting of
    the moment that it happened in, which may be earlier than the frame that told of it.
    """

    seq: int  # counts the events of the camera in a run, from 0
    kind: Kind
    track_id: int
    class_id: int
    score: float
    box: Box
    frame_wh: Wh
    frame_id: int
    epoch: int
    pts_ns: int
    captured_unix_ns: int
    region: str | None = None  # the name of the zone or line
    direction: str | None = None  # of a crossing
    reason: LeaveReason | None = None  # of the end of a track or stay
    seconds: float | None = None  # of the stay so far, or of the life
    count: int | None = None  # entries into the zone, or crossings in this direction, so far
    inside: int | None = None  # how many are in the zone now
    life: Life | None = None  # of a track that ended


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[Event, ...])


def encode_events(events: Sequence[Event]) -> bytes:
    """Events of one frame; empty if there are none."""
    return _ENCODER.encode(events) if events else b""


def decode_events(data: bytes) -> tuple[Event, ...]:
    return _DECODER.decode(data) if data else ()


class Teller:
    """Numbers events and collects those of one frame."""

    def __init__(self) -> None:
        self.seq = 0  # of the next event
        self._told: list[Event] = []

    def tell(
        self,
        kind: Kind,
        sighting: Sighting,
        *,
        region: str | None = None,
        direction: str | None = None,
        reason: LeaveReason | None = None,
        seconds: float | None = None,
        count: int | None = None,
        inside: int | None = None,
        life: Life | None = None,
    ) -> None:
        track_id, class_id, score, box, frame_wh, moment = msgspec.structs.astuple(sighting)
        self._told.append(
            Event(
                self.seq, kind, track_id, class_id, score, box, frame_wh,
                moment.frame_id, moment.epoch, moment.pts_ns, moment.captured_unix_ns,
                region, direction, reason, seconds, count, inside, life,
            )
        )  # fmt: skip
        self.seq += 1

    def take(self) -> list[Event]:
        """What was told since the last call."""
        told, self._told = self._told, []
        return told
