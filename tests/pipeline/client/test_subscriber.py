import contextlib
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from pipeline.client import (
    DetectionMessage,
    DetectionSubscriber,
    Message,
    MessageTooLarge,
    StatusMessage,
    Subscriber,
    SubscriptionError,
    WireError,
)
from pipeline.client.connection import MAX_MESSAGE_BYTES
from pipeline.links.authenticator import ServerKeys
from pipeline.links.broadcast import Broadcast
from pipeline.links.sockets import LinkError
from tests.pipeline.links.test_authenticator import Keys
from tests.pipeline.messages import encode, make_message, make_status, publish
from tests.ports import free_port
from tests.running_line import wait_until

TOPICS = [f"{kind}.{camera}" for kind in ("det", "status", "event") for camera in ("yard", "yard2")]


@pytest.fixture
def line(short_dir: Path) -> Iterator[Broadcast]:
    broadcast = Broadcast(f"ipc://{short_dir}/pub", TOPICS)
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


def test_a_subscriber_gets_the_cameras_it_names(short_dir: Path, line: Broadcast) -> None:
    seen = subscribe(short_dir, line, cameras=["yard"])
    assert {m.camera for m in seen} == {"yard"}


def test_a_subscriber_may_leave_out_the_status(short_dir: Path, line: Broadcast) -> None:
    assert {type(m) for m in subscribe(short_dir, line, status=False)} == {DetectionMessage}


def test_silence_ends_a_subscriber_that_has_a_limit(short_dir: Path) -> None:
    with DetectionSubscriber(f"ipc://{short_dir}/none", timeout_s=0.05) as subscriber:
        assert subscriber.receive() is None
        assert list(subscriber) == []


def listen(
    line: Broadcast | None, subscriber: Subscriber[Message], until: Callable[[], bool]
) -> list[Message]:
    """Serve, and receive until a condition holds; returns what came."""
    seen: list[Message] = []

    def there() -> bool:
        if line is not None:
            line.welcome()
        seen.extend(subscriber)
        return until()

    wait_until(there, "the subscriber has what it waits for")
    return seen


def let_pass(subscriber: Subscriber[Message], seconds: float) -> None:
    """As if so much time had passed; then the subscriber looks at its connection."""
    subscriber._well_s -= seconds
    subscriber._connection.since_s -= seconds
    subscriber._next_look_s = 0.0
    subscriber.receive()


def test_trouble_is_told_once_and_ends_when_the_line_comes(short_dir: Path) -> None:
    endpoint, told = f"ipc://{short_dir}/pub", list[str]()
    with DetectionSubscriber(
        endpoint, timeout_s=0.05, patience_s=30.0, on_trouble=told.append
    ) as subscriber:
        let_pass(subscriber, 20.0)
        assert told == []
        let_pass(subscriber, 20.0)
        let_pass(subscriber, 20.0)
        line = Broadcast(endpoint, TOPICS)
        publish(line, make_status())
        listen(line, subscriber, lambda: not subscriber.trouble)
        line.close()
    assert told == [
        f"{endpoint}: nothing answers: does the line run, and is this its publish.endpoint?"
    ]


def test_a_line_that_comes_late_has_its_time_to_tell_of_its_cameras(short_dir: Path) -> None:
    endpoint, told = f"ipc://{short_dir}/pub", list[str]()
    with DetectionSubscriber(
        endpoint, timeout_s=0.05, patience_s=30.0, on_trouble=told.append
    ) as subscriber:
        let_pass(subscriber, 60.0)
        line = Broadcast(endpoint, TOPICS)
        wait_until(lambda: subscriber.trouble.endswith("is it a line?"), "it has connected")
        let_pass(subscriber, 0.0)
        assert len(told) == 1
        let_pass(subscriber, 60.0)
        line.close()
    assert [text.removeprefix(f"{endpoint}: ")[:17] for text in told] == [
        "nothing answers: ", "what answers tell",
    ]  # fmt: skip


def test_what_answers_late_has_its_time_for_the_handshake() -> None:
    told = list[str]()
    with (
        socket.socket() as server,
        DetectionSubscriber(
            f"tcp://127.0.0.1:{bind(server)}",
            timeout_s=0.05, patience_s=30.0, on_trouble=told.append,
        ) as subscriber,
    ):  # fmt: skip
        wait_until(lambda: "nothing answers" in subscriber.trouble, "nobody listens")
        let_pass(subscriber, 60.0)
        server.listen()
        wait_until(lambda: "sends no handshake" in subscriber.trouble, "somebody listens")
        let_pass(subscriber, 0.0)
        assert len(told) == 1
        let_pass(subscriber, 60.0)
    assert "nothing answers" in told[0]
    assert "sends no handshake" in told[1]
    assert len(told) == 2


def bind(server: socket.socket) -> int:
    """The port, at which nobody listens yet, and nobody else will."""
    server.bind(("127.0.0.1", 0))
    return int(server.getsockname()[1])


def test_trouble_that_nobody_is_told_of_is_an_error(short_dir: Path) -> None:
    endpoint = f"ipc://{short_dir}/none"
    with (
        DetectionSubscriber(endpoint, patience_s=0.1) as subscriber,
        pytest.raises(SubscriptionError, match="nothing answers"),
    ):
        subscriber.receive()


def test_a_line_that_goes_after_its_first_message_is_waited_for(
    short_dir: Path, line: Broadcast
) -> None:
    with DetectionSubscriber(
        f"ipc://{short_dir}/pub", timeout_s=0.05, patience_s=0.1
    ) as subscriber:
        publish(line, make_status())
        publish(line, make_message())
        seen: list[Message] = []
        seen += listen(line, subscriber, lambda: subscriber._heard == {"yard"})
        line.close()
        listen(None, subscriber, lambda: "nothing answers" in subscriber._told)
        assert subscriber.receive() is None


def test_a_camera_that_there_is_not_is_named_with_those_that_there_are(
    short_dir: Path, line: Broadcast
) -> None:
    told = list[str]()
    for camera in ("yard", "yard2"):
        publish(line, make_status(camera=camera))
        publish(line, make_message(camera=camera))
    with DetectionSubscriber(
        f"ipc://{short_dir}/pub", ["yrd", "yard2"],
        timeout_s=0.05, patience_s=60.0, on_trouble=told.append,
    ) as subscriber:  # fmt: skip
        seen = listen(line, subscriber, lambda: len(subscriber._known) == 2)
        assert told == []
        let_pass(subscriber, 120.0)
    assert told[-1].endswith(": no camera 'yrd': did you mean 'yard'? there are yard, yard2")
    assert {message.camera for message in seen} <= {"yard2"}


@pytest.mark.parametrize("camera", ["", "x" * 65])
def test_a_name_that_no_camera_has_is_refused(short_dir: Path, camera: str) -> None:
    with pytest.raises(ValueError, match="expected a name of 1 to 64 bytes"):
        DetectionSubscriber(f"ipc://{short_dir}/none", [camera])


def test_wrong_keys_are_told_apart(tmp_path: Path) -> None:
    keys, endpoint = Keys(tmp_path), f"tcp://127.0.0.1:{free_port()}"
    line = Broadcast(endpoint, TOPICS, ServerKeys(keys.line_secret, keys.clients))
    for options, reason in (
        ({}, "the line asks for keys"),
        ({"server_key": keys.stranger_public}, "the handshake fails: is .* the key of this line"),
        ({"server_key": keys.line_public}, r"does not know its key \(key\)"),
        ({"server_key": keys.line_public, "key": keys.stranger}, "does not know the key in"),
    ):
        with DetectionSubscriber(endpoint, timeout_s=0.05, patience_s=None, **options) as client:  # type: ignore[arg-type]

            def told(client: DetectionSubscriber = client, reason: str = reason) -> bool:
                return re.search(reason, client.trouble) is not None

            listen(line, client, told)
    line.close()


def test_a_line_without_keys_is_told_to_a_client_that_has_one(
    tmp_path: Path,
) -> None:
    keys, endpoint = Keys(tmp_path), f"tcp://127.0.0.1:{free_port()}"
    line = Broadcast(endpoint, TOPICS)
    with DetectionSubscriber(
        endpoint, timeout_s=0.05, patience_s=None, server_key=keys.line_public
    ) as client:
        listen(line, client, lambda: "uses no keys" in client.trouble)
    line.close()


def listen_again(endpoint: str) -> Broadcast:
    """ZeroMQ lets go of a port a moment after its socket is closed."""
    opened: list[Broadcast] = []

    def is_free() -> bool:
        with contextlib.suppress(LinkError):
            opened.append(Broadcast(endpoint, TOPICS))
        return bool(opened)

    wait_until(is_free, f"{endpoint} is free")
    return opened[0]


def test_a_client_without_keys_hears_a_line_that_gives_them_up(tmp_path: Path) -> None:
    """ZeroMQ itself never tries again after another kind of security."""
    keys, endpoint = Keys(tmp_path), f"tcp://127.0.0.1:{free_port()}"
    line = Broadcast(endpoint, TOPICS, ServerKeys(keys.line_secret))
    with DetectionSubscriber(endpoint, timeout_s=0.05, patience_s=None) as client:
        listen(line, client, lambda: "asks for keys" in client.trouble)
        line.close()
        open_line = listen_again(endpoint)
        publish(open_line, make_message())
        listen(open_line, client, lambda: bool(client._heard))
    open_line.close()


def wait_for_error(subscriber: DetectionSubscriber) -> MessageTooLarge:
    errors: list[MessageTooLarge] = []

    def refused() -> bool:
        try:
            subscriber.receive()
        except MessageTooLarge as error:
            errors.append(error)
        return bool(errors)

    wait_until(refused, "the subscriber refuses a message")
    return errors[0]


def test_a_message_above_the_limit_is_an_error_and_the_next_one_arrives() -> None:
    """ZeroMQ itself drops the connection for ever."""
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    line: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.XPUB)
    line.setsockopt(zmq.LINGER, 0)
    line.bind(endpoint)
    with DetectionSubscriber(endpoint, timeout_s=0.05, patience_s=None) as subscriber:
        line.recv(), line.recv()  # the subscriptions
        line.send(encode(make_message(1)))
        line.send(b"det.yard " + bytes(MAX_MESSAGE_BYTES))
        wait_until(lambda: subscriber.receive() == make_message(1), "the one before arrives")
        error = wait_for_error(subscriber)
        assert "expected messages of at most 1048576 bytes, got a larger one" in str(error)
        assert issubclass(MessageTooLarge, WireError)

        def arrives() -> bool:
            line.send(encode(make_message(2)))
            return subscriber.receive() == make_message(2)

        wait_until(arrives, "a message arrives")
    line.close()


def test_a_repeat_is_left_out_and_a_line_that_counts_anew_is_not(
    short_dir: Path, line: Broadcast
) -> None:
    seen: list[Message] = []
    with DetectionSubscriber(f"ipc://{short_dir}/pub", timeout_s=0.05) as subscriber:
        publish(line, make_message(0))
        seen += listen(line, subscriber, lambda: bool(subscriber._heard))
        for message in (make_message(0), make_message(0, captured_unix_ns=9), make_message(1)):
            publish(line, message)
        seen += listen(None, subscriber, lambda: subscriber._novelty._detections["yard"] == (1, 2))
    assert seen == [make_message(0), make_message(0, captured_unix_ns=9), make_message(1)]


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

    with DetectionSubscriber(endpoint, timeout_s=0.05, patience_s=None) as subscriber:
        wait_until(there, "a message arrives")
    broadcast.close()
