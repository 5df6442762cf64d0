"""What waits for a target, in which order it is sent, and what is given up."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from stages.services.webhook import target as target_module
from stages.services.webhook.delivery import Reply
from tests.log_lines import hear
from tests.stages.services.webhook.receiver import Answer, Receiver, always
from tests.stages.services.webhook.targets import (
    NoFrames,
    deliver,
    make_event,
    make_target,
)

FRAMES = NoFrames()


@pytest.fixture
def said() -> Any:
    with hear() as lines:
        yield lines


def test_events_are_sent_in_order_each_with_its_id(tmp_path: Path) -> None:
    with Receiver() as receiver:
        target = make_target(tmp_path, url=receiver.url)
        for seq in range(3):
            target.put(make_event(seq), FRAMES)
        assert [deliver(target) for _ in range(4)] == [Reply(True)] * 3 + [None]
        assert [request.event().seq for request in receiver.taken] == [0, 1, 2]
        ids = [request.headers["webhook-id"] for request in receiver.taken]
        assert ids == [f"board.lan/k3/gate/{seq}" for seq in range(3)]
        assert json.loads(receiver.taken[0].body)["id"] == ids[0]
        target.close()


def test_events_that_are_lost_while_the_service_is_dead_are_counted_and_said(
    tmp_path: Path, said: list[str]
) -> None:
    target = make_target(tmp_path, kinds=["line_cross"])
    target.put(make_event(0), FRAMES)
    target.put(make_event(1, "track_begin"), FRAMES)
    target.close()
    assert said == []
    target = make_target(tmp_path, kinds=["line_cross"])
    target.put(make_event(1, "track_begin"), FRAMES)  # which the line has kept
    target.put(make_event(5, "track_begin"), FRAMES)
    target.put(make_event(6), FRAMES)
    target.look()
    assert said == ["webhook.outbox: 3 messages lost: they were sent while nobody here listened"]
    target.close()
    target = make_target(tmp_path, kinds=["line_cross"])
    target.put(make_event(7), FRAMES)
    target.close()
    assert len(said) == 1, "counted once"


def test_the_next_event_waits_until_the_first_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setattr(target_module, "FIRST_S", 1e-6)
    monkeypatch.setattr(target_module, "LONGEST_S", 1e-6)
    with Receiver(lambda number, _: Answer(503 if number < 3 else 200)) as receiver:
        target = make_target(tmp_path, url=receiver.url)
        for seq in range(2):
            target.put(make_event(seq), FRAMES)
        while len(receiver.taken) < 2:
            deliver(target)
        assert [request.event().seq for request in receiver.received] == [0, 0, 0, 0, 1]
        target.close()
    assert len([line for line in said if "events wait" in line]) == 1, "said once"
    assert any("takes events again" in line for line in said)
    assert "S3cretT0ken" not in "".join(said)


def test_waits_grow_and_are_no_shorter_than_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("stages.services.webhook.target.time.monotonic", lambda: now_s)
    target = make_target(tmp_path)
    target.put(make_event(), FRAMES)
    waits = []
    for _ in range(12):
        assert target.take() is not None
        target.settle(Reply(False, True, "answered 503"))
        waits.append(target._next_s - now_s)
        assert target.take() is None, "not yet"
        now_s = target._next_s
    for tries, wait_s in enumerate(waits):
        longest_s = min(2.0**tries, 300.0)
        assert longest_s / 2 <= wait_s <= longest_s
    assert target.take() is not None
    target.settle(Reply(False, True, "answered 429", retry_after_s=1800.0))
    assert target._next_s - now_s == pytest.approx(1800)
    target.close()


def test_what_cannot_succeed_is_given_up_and_said(tmp_path: Path, said: list[str]) -> None:
    with hear("ERROR") as errors, Receiver(always(Answer(410))) as receiver:
        target = make_target(tmp_path, url=receiver.url)
        for seq in range(3):
            target.put(make_event(seq), FRAMES)
        while deliver(target) is not None:
            pass
        target.close()
    assert "answered 410 (Gone): 1 event is given up" in errors[0], "at once"
    assert "answered 410 (Gone): 2 events are given up" in errors[1], "the rest later, in one"
    assert len(errors) == 2
    assert "S3cretT0ken" not in "".join(said)


def test_what_waits_is_there_after_a_kill_and_is_not_put_twice(tmp_path: Path) -> None:
    events = [make_event(seq) for seq in (0, 4, 9)]  # others were filtered
    target = make_target(tmp_path)
    for event in events:
        target.put(event, FRAMES)
    target._outbox._store.close()  # nothing else is done
    with Receiver() as receiver:
        target = make_target(tmp_path, url=receiver.url)
        for event in [*events, make_event(10)]:  # all are read again
            target.put(event, FRAMES)
        while deliver(target) is not None:
            pass
        assert [request.event().seq for request in receiver.taken] == [0, 4, 9, 10]
        target.close()


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({}, True),
        ({"cameras": ["gate"], "kinds": ["line_cross"], "regions": ["drive"], "labels": ["car"]},
         True),
        ({"cameras": ["yard"]}, False),
        ({"kinds": ["zone_enter", "zone_leave"]}, False),
        ({"regions": ["lawn"]}, False),
        ({"labels": ["person", "dog"]}, False),
    ],
)  # fmt: skip
def test_filters_let_through_what_is_wanted(
    tmp_path: Path, keys: dict[str, list[str]], wanted: bool, said: list[str]
) -> None:
    target = make_target(tmp_path, **keys)
    target.put(make_event(0), FRAMES)
    assert (target.take() is not None) is wanted
    target.close()
    assert not said, "an event that is not wanted is not lost"


def test_a_signed_request_is_verified_by_who_has_the_key(tmp_path: Path) -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    (tmp_path / "key").write_text(secret + "\n")
    with Receiver() as receiver:
        target = make_target(tmp_path, url=receiver.url, secret_file=str(tmp_path / "key"))
        target.put(make_event(), FRAMES)
        deliver(target)
        (request,) = receiver.taken
        assert Webhook(secret).verify(request.body, dict(request.headers))["label"] == "car"
        target.close()


def test_a_template_makes_the_body(tmp_path: Path) -> None:
    template = {"text": "{label} crossed {region}: {direction} ({count})", "score": "{score}"}
    with Receiver() as receiver:
        target = make_target(tmp_path, url=receiver.url, template=template)
        target.put(make_event(), FRAMES)
        deliver(target)
        (request,) = receiver.taken
        assert json.loads(request.body) == {"text": "car crossed drive: in (3)", "score": 0.8312}
        target.close()
