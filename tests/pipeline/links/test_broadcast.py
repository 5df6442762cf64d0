import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import zmq

from pipeline.links.broadcast import Broadcast
from pipeline.links.sockets import LinkError
from tests.running_line import wait_until

TOPICS = ("det.yard", "status.yard", "det.yard2", "status.yard2")


@pytest.fixture
def endpoint(short_dir: Path) -> str:
    return f"ipc://{short_dir}/pub"


@pytest.fixture
def broadcast(endpoint: str) -> Iterator[Broadcast]:
    broadcast = Broadcast(endpoint, TOPICS)
    yield broadcast
    broadcast.close()


class Listener:
    """A subscriber and what it has received."""

    def __init__(self, endpoint: str, *prefixes: bytes, conflate: bool = False) -> None:
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
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


def test_a_prefix_of_more_than_a_kilobyte_costs_its_client_the_messages(
    endpoint: str, broadcast: Broadcast
) -> None:
    """As docs/wire_format.md tells: ZeroMQ's command around a prefix takes ten bytes."""
    longest = Listener(endpoint, b"det.yard ", b"x" * 1014)
    too_long = Listener(endpoint, b"det.yard ", b"x" * 1015)
    broadcast.send("det.yard", b"1")
    for _ in range(2):  # a second client makes the line repeat its last message to all
        longest.wait_for(b"det.yard 1", broadcast)
        longest = Listener(endpoint, b"det.yard ")
    longest.socket.close()
    assert not too_long.has(b"det.yard 1", broadcast)
    too_long.socket.close()


def serve_until(condition: Callable[[], object], broadcast: Broadcast, what: str) -> None:
    """Serve as the line does, whenever subscriptions have arrived; two per client wait at most."""

    def met() -> bool:
        broadcast.welcome()
        while not condition() and broadcast.socket.poll(1):
            broadcast.welcome()
        return bool(condition())

    wait_until(met, what)


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


def test_what_tells_of_a_moment_is_not_repeated(broadcast: Broadcast, endpoint: str) -> None:
    early = Listener(endpoint, b"")
    broadcast.send("det.yard", b"1")
    wait_until(lambda: early.has(b"det.yard 1", broadcast), "it has subscribed")
    broadcast.send("det.yard2", b"a moment", keep=False)
    early.wait_for(b"det.yard2 a moment", broadcast)
    broadcast.send("status.yard", b"is")
    late, kept = Listener(endpoint, b""), {b"det.yard 1", b"status.yard is"}
    # What was repeated to the early one is repeated again after a second only.
    wait_until(lambda: all(late.has(message, broadcast) for message in kept), "what is kept")
    late.socket.close()
    assert set(late.seen) == kept


def test_topics_are_kept_apart_though_one_begins_like_the_other(
    broadcast: Broadcast, endpoint: str
) -> None:
    for camera in ("yard", "yard2"):
        broadcast.send(f"det.{camera}", b"x")
    assert Listener(endpoint, b"det.yard ").wait_for(b"det.yard x", broadcast) == [b"det.yard x"]


def test_many_new_clients_cost_the_others_one_repeat_a_second(
    broadcast: Broadcast, endpoint: str
) -> None:
    old = Listener(endpoint, b"status.")
    broadcast.send("status.yard", b"live")
    wait_until(lambda: old.has(b"status.yard live", broadcast), "it has subscribed")
    old.seen.clear()
    began_s = time.monotonic()
    for _ in range(300):
        new = Listener(endpoint, b"", b"status.")
        old.has(b"", broadcast)
        new.socket.close()
    assert len(old.seen) <= 1 + (time.monotonic() - began_s)
    old.socket.close()


def test_a_client_that_holds_too_many_subscriptions_is_disconnected_and_others_come_back(
    broadcast: Broadcast, endpoint: str, said: list[str]
) -> None:
    good = Listener(endpoint, b"")
    hostile: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.XSUB)
    hostile.setsockopt(zmq.LINGER, 0)
    hostile.setsockopt(zmq.SNDHWM, 0)
    hostile.connect(endpoint)
    for number in range(20_000):
        hostile.send(b"\x01%020d" % number)
    serve_until(lambda: said, broadcast, "it is noticed")
    hostile.close()
    assert said == [f"{endpoint}: clients hold too many subscriptions: all are disconnected"]
    broadcast.send("det.yard", b"after")
    good.wait_for(b"det.yard after", broadcast)


def test_subscriptions_of_clients_that_left_are_forgotten(
    broadcast: Broadcast, endpoint: str, said: list[str]
) -> None:
    """Together they would be too many."""
    for start in range(0, 20_000, 5000):
        peer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.XSUB)
        peer.setsockopt(zmq.LINGER, 0)
        peer.setsockopt(zmq.SNDHWM, 0)
        peer.connect(endpoint)
        for number in range(start, start + 5000):
            peer.send(b"\x01%020d" % number)
        peer.send(b"\x01det.yard ")
        broadcast.send("det.yard", b"x")
        serve_until(partial(peer.poll, 0), broadcast, "all are read")
        peer.close()
    Listener(endpoint, b"").wait_for(b"det.yard x", broadcast)
    assert said == []


def test_a_subscription_that_nothing_can_match_is_not_kept(
    broadcast: Broadcast, endpoint: str
) -> None:
    listener = Listener(endpoint, b"det.yar", b"det.yardstick", b"x" * 900, b"status.yard2 ")
    broadcast.send("det.yard", b"1")
    broadcast.send("status.yard2", b"2")
    seen = listener.wait_for(b"status.yard2 2", broadcast)
    assert set(seen) == {b"det.yard 1", b"status.yard2 2"}


def test_a_subscription_larger_than_any_topic_ends_the_connection(
    broadcast: Broadcast, endpoint: str
) -> None:
    hostile, good = Listener(endpoint, b"x" * 5000, b"det."), Listener(endpoint, b"det.")
    broadcast.send("det.yard", b"1")
    good.wait_for(b"det.yard 1", broadcast)
    assert not hostile.has(b"det.yard 1", broadcast)
    hostile.socket.close()


def test_a_client_may_keep_the_newest_only(broadcast: Broadcast, endpoint: str) -> None:
    listener = Listener(endpoint, b"", conflate=True)
    broadcast.send("det.yard", b"first")
    wait_until(lambda: listener.has(b"det.yard first", broadcast), "it has subscribed")
    for number in range(100):
        broadcast.send("det.yard", b"%d" % number)
    listener.wait_for(b"det.yard 99", broadcast)


def test_a_subscriber_that_does_not_read_disturbs_no_other(
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
        Broadcast(endpoint, TOPICS)
    broadcast.send("det.yard", b"x")
    Listener(endpoint, b"").wait_for(b"det.yard x", broadcast)


def test_the_address_of_a_dead_line_is_taken_over(short_dir: Path, endpoint: str) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(short_dir / "pub"))
    assert (short_dir / "pub").is_socket()
    Broadcast(endpoint, TOPICS).close()
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
        Broadcast(endpoint, TOPICS)


def test_who_has_asked_for_a_topic_before_there_was_one_gets_it(
    broadcast: Broadcast, endpoint: str
) -> None:
    early = Listener(endpoint, b"det.gate ", b"det.yard ")
    broadcast.send("det.yard", b"1")
    wait_until(lambda: early.has(b"det.yard 1", broadcast), "the subscription is there")
    broadcast.add_topics(["det.gate"])
    broadcast.send("det.gate", b"2")
    early.wait_for(b"det.gate 2", broadcast)


def test_a_topic_that_is_forgotten_is_not_repeated(broadcast: Broadcast, endpoint: str) -> None:
    broadcast.send("det.yard", b"1")
    broadcast.send("det.yard2", b"2")
    broadcast.forget(["det.yard"])
    seen = Listener(endpoint, b"det.").wait_for(b"det.yard2 2", broadcast)
    assert seen == [b"det.yard2 2"]
