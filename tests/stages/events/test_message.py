import socket
from pathlib import Path

import msgspec
import pytest

from pipeline.client import EventMessage, TrackSummary, decode_message
from stages.events.event import Event
from stages.events.message import EventComposer
from tests.stages.events.happenings import LIFE, make_happening

LABELS = ("person", "bicycle", "car")


@pytest.fixture
def composer() -> EventComposer:
    return EventComposer(Path("/dev/shm/thunderline-k3x9"), ("yard", "gate"), LABELS)


def test_a_message_says_who_did_what_where(composer: EventComposer) -> None:
    event = make_happening(
        6, kind="zone_leave", region="lawn", reason="out", seconds=1.23456, count=5, inside=2
    )
    assert composer.compose(1, event) == EventMessage(
        v=1, host=socket.gethostname(), run="k3x9", camera="gate", seq=6, kind="zone_leave",
        track_id=4, label="car", class_id=2, score=0.7654, box=(1.23, 2.0, 30.0, 40.0), width=64,
        height=48, epoch=1, frame_id=7, pts_ns=280_000_000, captured_unix_ns=3_000,
        region="lawn", reason="out", seconds=1.235, count=5, inside=2,
    )  # fmt: skip


def test_the_end_of_a_track_sums_up_its_life_in_pixels(composer: EventComposer) -> None:
    message = composer.compose(0, make_happening(kind="track_end", reason="lost", life=LIFE))
    assert message.life == TrackSummary(
        first_seen_unix_ns=1_000,
        last_seen_unix_ns=4_000,
        best_score=0.9123,
        best_box=(1.24, 2.0, 30.0, 40.0),
        best_frame_id=5,
        median_score=0.8,
        path=((16.0, 24.0), (32.0, 24.06)),
    )


@pytest.mark.parametrize(
    "event",
    [
        make_happening(),
        make_happening(kind="line_cross", region="drive", direction="in", count=3),
        make_happening(kind="track_end", reason="stop", seconds=0.24, life=LIFE),
    ],
)
def test_clients_read_what_is_composed(composer: EventComposer, event: Event) -> None:
    message = composer.compose(0, event)
    assert decode_message(b"event.yard " + msgspec.msgpack.encode(message)) == message
