"""Events as `track` tells them, made by hand."""

import msgspec

from stages.events.event import Event, Life, Moment
from stages.events.outbox import Outbox

FIRST, LAST = Moment(3, 1, 120_000_000, 1_000), Moment(9, 1, 360_000_000, 4_000)
LIFE = Life(
    first_seen=FIRST,
    last_seen=LAST,
    best_score=0.912345,
    best_box=(1.238, 2.0, 30.0, 40.0),
    best_frame_id=5,
    median_score=0.8,
    path=((0.25, 0.5), (0.5, 0.501234)),
)


def make_happening(seq: int = 0, **fields: object) -> Event:
    event = Event(
        seq, "track_begin", track_id=4, class_id=2, score=0.765432,
        box=(1.234567, 2.0, 30.0, 40.0), frame_wh=(64, 48), frame_id=7, epoch=1,
        pts_ns=280_000_000, captured_unix_ns=3_000,
    )  # fmt: skip
    return msgspec.structs.replace(event, **fields)


def wait(*told: tuple[int, list[Event]]) -> bytes:
    """The outbox of `track`: frames, and the events that they have told of."""
    outbox = Outbox()
    for frame_id, events in told:
        outbox.put(frame_id, events)
    return outbox.to_bytes()
