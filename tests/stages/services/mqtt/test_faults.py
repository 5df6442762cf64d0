"""Brokers and services that die, cables that are pulled: each event arrives, with its id."""

import socket
from collections import Counter
from pathlib import Path

import pytest

from pipeline.service import ServiceError
from tests.running_line import wait_until
from tests.stages.services.hand_made_line import Line
from tests.stages.services.mqtt.broker import Broker, running_broker
from tests.stages.services.mqtt.serving import Process, Subscriber, make_options, serving
from tests.stages.services.proxy import Proxy

AVAILABLE = "thunderline/board-3/available"


def ids(events: list[dict[str, object]]) -> list[str]:
    """Each once, in the order in which they came first."""
    return list(dict.fromkeys(str(event["id"]) for event in events))


def expected(count: int) -> list[str]:
    return [f"board/k3x9/yard/{seq}" for seq in range(count)]


def test_events_of_before_and_during_an_outage_arrive_when_the_broker_is_back(
    broker: Broker, line: Line, tmp_path: Path
) -> None:
    broker.stop()
    with serving(line.run_dir, make_options(tmp_path, broker.port)):
        line.happen(30)
        broker.start()
        first = Subscriber(broker.port)
        first.wait_for_events(30)
        broker.stop()
        line.happen(30)
        broker.start()
        second = Subscriber(broker.port)
        second.wait_for_events(30)
        second.wait_for(AVAILABLE, "online")
    assert ids(first.events() + second.events()) == expected(60)
    first.close()
    second.close()


def test_a_killed_service_loses_no_event_and_its_will_is_told(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    options = make_options(tmp_path, broker.port)
    process = Process(line.run_dir, options)
    line.happen(50)
    subscriber.wait_for_events(20)
    process.kill()
    subscriber.wait_for(AVAILABLE, "offline")
    line.happen(50)  # nobody listens
    process = Process(line.run_dir, options)
    subscriber.wait_for_events(100)
    process.stop()
    assert ids(subscriber.events()) == expected(100)
    assert max(Counter(event["id"] for event in subscriber.events()).values()) <= 2


def test_a_connection_on_which_nothing_comes_any_more_is_found_and_made_again(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path, said: list[str]
) -> None:
    proxy = Proxy(broker.port)
    with serving(line.run_dir, make_options(tmp_path, proxy.port)):
        line.happen(5)
        subscriber.wait_for_events(5)
        proxy.hold()
        line.happen(5)
        wait_until(lambda: any("mqtt: " in text for text in said), "it is found")
        proxy.release()
        subscriber.wait_for_events(10)
    proxy.close()
    assert ids(subscriber.events()) == expected(10)
    assert proxy.connections >= 2


def test_a_broker_that_accepts_and_never_answers_is_said_and_costs_no_event(
    line: Line, tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.services.mqtt.sender._ANSWER_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = make_options(tmp_path, silent.getsockname()[1])
        with serving(line.run_dir, options):
            line.happen(5)
            wait_until(lambda: bool(said), "it is said")
    assert said[0].startswith("mqtt: the broker does not answer within")
    with running_broker(tmp_path / "broker") as broker:
        subscriber = Subscriber(broker.port)
        with serving(line.run_dir, make_options(tmp_path, broker.port)):
            subscriber.wait_for_events(5)
        subscriber.close()


def test_a_refused_password_is_an_error_and_nothing_is_told(
    line: Line, tmp_path: Path, said: list[str]
) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    settings = ("allow_anonymous false", f"password_file {passwords}")
    (tmp_path / "password").write_text("Geh31mnis\n")
    with running_broker(tmp_path / "broker", *settings) as broker:
        options = make_options(
            tmp_path, broker.port, user="line", password_file=str(tmp_path / "password")
        )
        with serving(line.run_dir, options):
            line.happen(3)
            wait_until(lambda: bool(said), "it is said")
    assert "mqtt: the broker refuses the connection: Not authorized" in said[0]
    assert len(said) == 1
    assert "Geh31mnis" not in "".join(said) + broker.log


def test_beyond_the_outbox_the_oldest_events_are_lost_counted_and_said(
    broker: Broker, line: Line, tmp_path: Path, said: list[str]
) -> None:
    broker.stop()
    options = make_options(tmp_path, broker.port, max_mb=0.05)
    with serving(line.run_dir, options):
        line.happen(300)
        wait_until(lambda: any("lost: more wait" in text for text in said), "it is said")
    broker.start()
    subscriber = Subscriber(broker.port)
    with serving(line.run_dir, options):
        subscriber.wait_for(AVAILABLE, "online")
        wait_until(lambda: expected(300)[-1] in ids(subscriber.events()), "the newest comes")
        wait_until(lambda: "thunderline/board-3/line" in subscriber.values, "it is told")
    found = ids(subscriber.events())
    assert found == expected(300)[-len(found) :]
    lost = 300 - len(found)
    assert lost > 100
    assert f'"lost":{{"full":{lost}}}'.encode() in subscriber.values["thunderline/board-3/line"]
    subscriber.close()


def test_two_lines_of_one_name_do_not_share_an_outbox(
    broker: Broker, line: Line, subscriber: Subscriber, tmp_path: Path
) -> None:
    options = make_options(tmp_path, broker.port)
    with serving(line.run_dir, options):
        subscriber.wait_for(AVAILABLE, "online")
        with (
            pytest.raises(ServiceError, match="expected a file of this line alone"),
            serving(line.run_dir, options),
        ):
            pass
