"""A broker that is restarted again and again while events happen: what arrives, and what twice."""

import os
import signal
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.running_line import wait_until
from tests.stages.services.hand_made_line import Line
from tests.stages.services.mqtt.broker import running_broker
from tests.stages.services.mqtt.serving import Subscriber, make_options, serving

pytestmark = pytest.mark.bench

RESTARTS = int(os.environ.get("RESTARTS", "100"))
EVENTS = 10_000
LONG_S = 1800.0


def has_come(subscriber: Subscriber, messages: int) -> bool:
    return len(subscriber.heard) >= messages


def test_events_and_restarts_of_the_broker(
    tmp_path: Path, short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker ends by SIGTERM and keeps what it has acknowledged; by SIGKILL it would not."""
    monkeypatch.setattr("stages.services.mqtt.sender._FIRST_WAIT_S", 0.02)
    monkeypatch.setattr("stages.services.mqtt.sender._LONGEST_WAIT_S", 0.1)
    folder = tmp_path / "broker"
    settings = (
        "persistence true", f"persistence_location {folder}/", "max_queued_messages 0",
        "max_inflight_messages 0",
    )  # fmt: skip
    line = Line(short_dir)
    began_s = time.monotonic()
    with running_broker(folder, *settings) as broker:
        subscriber = Subscriber(
            broker.port, "thunderline/+/+/event/#", session="bench", pause_s=0.05
        )
        with serving(line.run_dir, make_options(tmp_path, broker.port)):
            for restart in range(RESTARTS):
                line.happen(EVENTS // RESTARTS)
                enough = int((restart + 0.5) * EVENTS / RESTARTS)  # others are on their way
                wait_until(partial(has_come, subscriber, enough), f"{enough} have come", LONG_S)
                broker.stop(signal.SIGTERM)
                broker.start()
            wait_until(
                lambda: len({e["seq"] for e in subscriber.events()}) == EVENTS,
                f"{EVENTS} events have come", LONG_S, pause_s=1.0,
            )  # fmt: skip
        subscriber.close()
    line.close()
    counts = Counter(event["seq"] for event in subscriber.events())
    twice = sum(count - 1 for count in counts.values())
    print(f"\n{RESTARTS} restarts of the broker, {EVENTS} events: {EVENTS - len(counts)} lost, "
          f"{twice} came twice, {time.monotonic() - began_s:.0f} s")  # fmt: skip
    assert len(counts) == EVENTS
