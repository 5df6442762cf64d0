import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.client import (
    WIRE_VERSION,
    Message,
    TrackSummary,
    WireError,
    decode_message,
    format_message,
)
from tests.pipeline.messages import CAR, encode, make_event, make_message, make_status

LIFE = TrackSummary(1, 2, 0.9, (1.0, 2.0, 30.0, 40.0), 5, 0.8, ((15.5, 40.0), (16.0, 41.0)))


@pytest.mark.parametrize(
    "message",
    [
        make_message(), make_message(detections=()), make_status(), make_event(),
        make_event(kind="track_end", reason="left", seconds=12.25, life=LIFE),
    ],
)  # fmt: skip
def test_a_message_survives_its_encoding(message: Message) -> None:
    assert decode_message(encode(message)) == message


def test_an_optional_field_that_is_not_set_takes_no_room() -> None:
    assert b"track_id" not in encode(make_message())
    tracked = msgspec.structs.replace(CAR, track_id=7)
    assert b"track_id" in encode(make_message(detections=(tracked,)))
    for field in ("region", "direction", "reason", "seconds", "count", "inside", "life"):
        assert field.encode() not in encode(make_event())


def test_fields_of_a_later_line_are_passed_over() -> None:
    later = msgspec.to_builtins(make_message()) | {"weather": "rain"}
    data = b"det.yard " + msgspec.msgpack.encode(later)
    assert decode_message(data) == make_message()


def test_another_version_is_refused_with_both() -> None:
    with pytest.raises(WireError, match=r"topic b'det\.yard': expected version 1, got 2"):
        decode_message(encode(make_message(v=2)))


@given(st.binary())
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        decode_message(data)


@given(st.integers(0, 400), st.binary(max_size=8))
def test_a_damaged_message_is_read_or_refused(at: int, damage: bytes) -> None:
    data = encode(make_message())
    damaged = data[:at] + damage + data[at + len(damage) :]
    try:
        message = decode_message(damaged)
    except WireError:
        return
    assert message.v == WIRE_VERSION


deep = b"\x91" * 100_000  # an array in an array in an array


@pytest.mark.parametrize("data", [b"", b" ", b"det.yard", b"det.yard ", b"det.yard " + deep])
def test_messages_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="expected a detection, status or event"):
        decode_message(data)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (make_message(7), "yard #7 age 4.5 ms: car 0.75"),
        (make_message(7, detections=()), "yard #7 age 4.5 ms: nothing"),
        (make_message(7, drops={"newest_wins": 2, "ring_full": 1}),
         "yard #7 age 4.5 ms, 3 dropped: car 0.75"),
        (make_message(7, status="error", why="detect: no"), "yard #7 age 4.5 ms: error detect: no"),
        (make_message(7, status="idle", detections=()), "yard #7 age 4.5 ms: idle"),
        (make_status("ended"), "yard: ended"),
        (make_event(), "yard: car 4 came"),
        (make_event(kind="track_end", reason="left", seconds=12.25),
         "yard: car 4 left the picture after 12.2 s"),
        (make_event(kind="track_end", reason="lost", seconds=2.0),
         "yard: car 4 was lost in the picture after 2.0 s"),
        (make_event(kind="track_end", reason="epoch", seconds=2.0),
         "yard: car 4 ended in the picture with its connection after 2.0 s"),
        (make_event(kind="track_end", reason="stop", seconds=2.0),
         "yard: car 4 ended in the picture with the line after 2.0 s"),
        (make_event(kind="zone_enter", region="lawn", inside=2),
         "yard: car 4 entered lawn, 2 inside"),
        (make_event(kind="zone_leave", region="lawn", reason="out", seconds=3.0, inside=0),
         "yard: car 4 left lawn after 3.0 s, 0 inside"),
        (make_event(kind="zone_leave", region="lawn", reason="lost", seconds=3.0, inside=0),
         "yard: car 4 was lost in lawn after 3.0 s, 0 inside"),
        (make_event(kind="zone_dwell", region="lawn", seconds=60.0, inside=1),
         "yard: car 4 is still in lawn after 60.0 s, 1 inside"),
        (make_event(kind="line_cross", region="drive", direction="in", count=3),
         "yard: car 4 crossed drive: in (3)"),
    ],
)  # fmt: skip
def test_a_message_is_one_line_for_people(message: Message, text: str) -> None:
    assert format_message(message) == text
