import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.client import WIRE_VERSION, Message, WireError, decode_message, format_message
from tests.pipeline.messages import CAR, encode, make_message, make_status


@pytest.mark.parametrize("message", [make_message(), make_message(detections=()), make_status()])
def test_a_message_survives_its_encoding(message: Message) -> None:
    assert decode_message(encode(message)) == message


def test_an_optional_field_that_is_not_set_takes_no_room() -> None:
    assert b"track_id" not in encode(make_message())
    tracked = msgspec.structs.replace(CAR, track_id=7)
    assert b"track_id" in encode(make_message(detections=(tracked,)))


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
    with pytest.raises(WireError, match="expected a detection or status"):
        decode_message(data)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (make_message(7), "yard #7 age 4.5 ms: car 0.75"),
        (make_message(7, detections=()), "yard #7 age 4.5 ms: nothing"),
        (make_message(7, drops={"newest_wins": 2, "ring_full": 1}),
         "yard #7 age 4.5 ms, 3 dropped: car 0.75"),
        (make_message(7, status="error", why="detect: no"), "yard #7 age 4.5 ms: error detect: no"),
        (make_status("ended"), "yard: ended"),
    ],
)  # fmt: skip
def test_a_message_is_one_line_for_people(message: Message, text: str) -> None:
    assert format_message(message) == text
