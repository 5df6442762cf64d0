from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from pipeline.broadcast import Broadcast
from pipeline.sockets import LinkError
from tests.running_line import wait_until


@pytest.fixture
def endpoint(short_dir: Path) -> str:
    return f"ipc://{short_dir}/pub"


@pytest.fixture
def broadcast(endpoint: str) -> Iterator[Broadcast]:
    broadcast = Broadcast(endpoint)
    yield broadcast
    broadcast.close()


class Listener:
    """A subscriber and what it has received."""

    def __init__(self, endpoint: str, *prefixes: bytes, conflate: bool = False) -> None:
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.CONFLATE, conflate)
        for prefix in prefixes:
            self.socket.setsockopt(zmq.SUBSCRIBE, prefix)
        self.socket.connect(endpoint)
        self.seen: list[bytes] = []

    def has(self, message: bytes, broadcast: Broadcast) -> bool:
        broadcast.welcome()
        while self.socket.poll(1):
            self.seen.append(self.socket.recv())
        return message in self.seen

    def wait_for(self, message: bytes, broadcast: Broadcast) -> list[bytes]:
        wait_until(lambda: self.has(message, broadcast), f"{message!r} arrives")
        self.socket.close()
        return self.seen


def test_messages_are_one_part_with_the_topic_first(broadcast: Broadcast, endpoint: str) -> None:
    listener = Listener(endpoint, b"")
    broadcast.send("det.yard", b"\x00payload with spaces")
    seen = listener.wait_for(b"det.yard \x00payload with spaces", broadcast)
    assert set(seen) == {b"det.yard \x00payload with spaces"}


def test_a_late_subscriber_gets_the_last_message_of_each_topic(
    broadcast: Broadcast, endpoint: str
) -> None:
    for payload in (b"1", b"2", b"3"):
        broadcast.send("det.yard", payload)
        broadcast.send("status.yard", b"is " + payload)
    seen = Listener(endpoint, b"").wait_for(b"status.yard is 3", broadcast)
    assert seen == [b"det.yard 3", b"status.yard is 3"]


def test_topics_are_kept_apart_though_one_begins_like_the_other(
    broadcast: Broadcast, endpoint: str
) -> None:
    for camera in ("yard", "yard2"):
        broadcast.send(f"det.{camera}", b"x")
    assert Listener(endpoint, b"det.yard ").wait_for(b"det.yard x", broadcast) == [b"det.yard x"]


def test_a_client_may_keep_the_newest_only(broadcast: Broadcast, endpoint: str) -> None:
    listener = Listener(endpoint, b"", conflate=True)
    broadcast.send("det.yard", b"first")
    wait_until(lambda: listener.has(b"det.yard first", broadcast), "it has subscribed")
    for number in range(100):
        broadcast.send("det.yard", b"%d" % number)
    listener.wait_for(b"det.yard 99", broadcast)


def test_a_subscriber_that_does_not_read_hinders_nobody(
    broadcast: Broadcast, endpoint: str
) -> None:
    idle, busy = Listener(endpoint, b""), Listener(endpoint, b"")
    broadcast.send("det.yard", b"0")
    wait_until(lambda: busy.has(b"det.yard 0", broadcast), "it has subscribed")
    for number in range(5000):
        broadcast.send("det.yard", b"%d" % number + bytes(1000))
        if number % 100 == 0:
            busy.has(b"", broadcast)
    broadcast.send("det.yard", b"end")
    busy.wait_for(b"det.yard end", broadcast)
    idle.socket.close()


def test_an_address_in_use_is_refused_and_left_alone(broadcast: Broadcast, endpoint: str) -> None:
    with pytest.raises(LinkError, match=r"Address already in use; is another line running there\?"):
        Broadcast(endpoint)
    broadcast.send("det.yard", b"x")
    Listener(endpoint, b"").wait_for(b"det.yard x", broadcast)


def test_the_address_of_a_dead_line_is_taken_over(short_dir: Path, endpoint: str) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(short_dir / "pub"))
    assert (short_dir / "pub").is_socket()
    Broadcast(endpoint).close()
    assert not (short_dir / "pub").exists()


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("tcp://nowhere", "Invalid argument"),
        ("tcp://192.0.2.1:5570", "(No such device|Cannot assign requested address)"),
        ("ipc:///nonexistent/pub", "No such file or directory"),
        ("ipc:///tmp/" + "x" * 200, "File name too long"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(endpoint: str, why: str) -> None:
    with pytest.raises(LinkError, match=f"publish.endpoint: cannot listen at {endpoint}: {why}"):
        Broadcast(endpoint)
