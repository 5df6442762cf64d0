"""Events among the messages of a line: who gets them, which are new, which were lost."""

from pathlib import Path

import pytest

from pipeline.client import (
    DetectionSubscriber,
    EventMessage,
    EventSubscriber,
    LineSubscriber,
    Message,
    StatusMessage,
    Subscriber,
)
from pipeline.links.broadcast import Broadcast
from tests.pipeline.client.test_subscriber import line, listen
from tests.pipeline.messages import make_event, make_message, make_status, publish
from tests.running_line import wait_until

__all__ = ["line"]


def hear(line: Broadcast, subscriber: Subscriber[Message], *messages: Message) -> list[Message]:
    """What a subscriber, connected before, gets of these messages of `yard`."""
    publish(line, make_status())
    listen(line, subscriber, lambda: bool(subscriber._known))
    for message in messages:
        publish(line, message)
    publish(line, make_status("ended"))
    seen: list[Message] = []

    def has_all() -> bool:
        line.welcome()
        seen.extend(subscriber)
        return make_status("ended") in seen

    wait_until(has_all, "the end arrives")
    return seen


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (DetectionSubscriber, [make_message()]),
        (EventSubscriber, [make_event()]),
        (LineSubscriber, [make_message(), make_event()]),
    ],
)
def test_events_come_to_those_who_ask_for_them(
    short_dir: Path, line: Broadcast, kind: type[Subscriber[Message]], expected: list[Message]
) -> None:
    with kind(f"ipc://{short_dir}/pub", timeout_s=0.05) as subscriber:
        seen = hear(line, subscriber, make_message(), make_event())
    assert [m for m in seen if not isinstance(m, StatusMessage)] == expected


def test_events_of_other_cameras_and_states_may_be_left_out(
    short_dir: Path, line: Broadcast
) -> None:
    endpoint = f"ipc://{short_dir}/pub"
    with EventSubscriber(endpoint, ["yard"], status=False, timeout_s=0.05) as subscriber:
        publish(line, make_status())
        listen(line, subscriber, lambda: bool(subscriber._known))
        for camera in ("yard2", "yard"):
            publish(line, make_event(camera=camera))
        seen: list[Message] = []

        def has_some() -> bool:
            seen.extend(subscriber)
            return bool(seen)

        wait_until(has_some, "an event arrives")
    assert seen == [make_event()]


def test_an_event_that_is_told_again_is_left_out_and_lost_ones_are_counted(
    short_dir: Path, line: Broadcast
) -> None:
    """A line that died between events tells some again; one that is started again counts anew."""
    numbers = [3, 4, 5, 4, 5, 6, 9]
    events = [make_event(seq) for seq in numbers]
    anew = [make_event(0, run="b7w1"), make_event(2, run="b7w1")]
    with EventSubscriber(f"ipc://{short_dir}/pub", timeout_s=0.05) as subscriber:
        seen = hear(line, subscriber, *events, make_event(0, camera="yard2"), *anew)
        assert subscriber.lost_events == 3
    got = [(m.run, m.seq) for m in seen if isinstance(m, EventMessage) and m.camera == "yard"]
    assert got == [("k3x9", n) for n in (3, 4, 5, 6, 9)] + [("b7w1", 0), ("b7w1", 2)]
