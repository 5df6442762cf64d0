import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.client import (
    WIRE_VERSION,
    DetectionMessage,
    DetectionSubscriber,
    Message,
    StatusMessage,
    WireError,
    decode_message,
    format_message,
)
from pipeline.links.broadcast import Broadcast
from pipeline.links.sockets import LinkError
from tests.pipeline.messages import CAR, encode, make_message, make_status, publish
from tests.ports import free_port
from tests.running_line import wait_until


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


@pytest.fixture
def line(short_dir: Path) -> Iterator[Broadcast]:
    topics = [f"{kind}.{camera}" for kind in ("det", "status") for camera in ("yard", "yard2")]
    broadcast = Broadcast(f"ipc://{short_dir}/pub", topics)
    yield broadcast
    broadcast.close()


def subscribe(short_dir: Path, line: Broadcast, **options: object) -> list[Message]:
    """What a subscriber gets of two cameras, up to a message that is there for its end."""
    endpoint = f"ipc://{short_dir}/pub"
    with DetectionSubscriber(endpoint, timeout_s=0.05, **options) as subscriber:  # type: ignore[arg-type]
        seen: list[Message] = []
        for camera in ("yard", "yard2"):
            publish(line, make_status(camera=camera))
            publish(line, make_message(camera=camera))

        def there() -> bool:
            line.welcome()
            seen.extend(subscriber)
            return bool(seen)

        wait_until(there, "messages arrive")
    return seen


def test_a_subscriber_gets_all_cameras_when_it_names_none(short_dir: Path, line: Broadcast) -> None:
    seen = subscribe(short_dir, line)
    assert {(m.camera, type(m)) for m in seen} == {
        (camera, kind) for camera in ("yard", "yard2") for kind in (DetectionMessage, StatusMessage)
    }


def test_a_line_may_publish_at_an_ipv6_address() -> None:
    endpoint = f"tcp://[::1]:{free_port()}"
    try:
        broadcast = Broadcast(endpoint, ["det.yard"])
    except LinkError:
        pytest.skip("needs IPv6")
    seen: list[Message] = []

    def there() -> bool:
        publish(broadcast, make_message())
        broadcast.welcome()
        seen.extend(subscriber)
        return bool(seen)

    with DetectionSubscriber(endpoint, timeout_s=0.05) as subscriber:
        wait_until(there, "a message arrives")
    broadcast.close()


def test_a_subscriber_gets_the_cameras_it_names(short_dir: Path, line: Broadcast) -> None:
    seen = subscribe(short_dir, line, cameras=["yard"])
    assert {m.camera for m in seen} == {"yard"}


def test_a_subscriber_may_leave_out_the_status(short_dir: Path, line: Broadcast) -> None:
    assert {type(m) for m in subscribe(short_dir, line, status=False)} == {DetectionMessage}


def test_silence_ends_a_subscriber_that_has_a_limit(short_dir: Path) -> None:
    with DetectionSubscriber(f"ipc://{short_dir}/none", timeout_s=0.05) as subscriber:
        assert subscriber.receive() is None
        assert list(subscriber) == []


def run_client(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline.client", *arguments],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_the_command_names_an_address_that_is_none() -> None:
    done = run_client("nonsense")
    assert done.returncode == 1
    assert done.stderr.startswith("nonsense: ")
    assert "Traceback" not in done.stderr


def test_the_command_names_a_message_that_is_none(short_dir: Path, line: Broadcast) -> None:
    endpoint = f"ipc://{short_dir}/pub"
    command = [sys.executable, "-m", "pipeline.client", endpoint]
    line.send("det.yard", os.urandom(40))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as client:

        def ended() -> bool:
            line.welcome()
            return client.poll() is not None

        wait_until(ended, "the client ends")
        assert client.returncode == 1
        assert client.stderr is not None
        said = client.stderr.read()
    assert "topic b'det.yard': expected a detection or status" in said
    assert "Traceback" not in said
