"""The service `mqtt` at work: what it gets of a line is made by hand, the broker is real."""

import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from stages.services.mqtt.service import Mqtt, MqttOptions
from tests.running_line import PATIENCE_S, wait_until
from tests.stages.services.bare import CAMERA, make_context
from tests.stages.services.serving import ServiceProcess, serve_until_told, serving_by

PLAN: dict[str, Any] = {
    "name": CAMERA,
    "labels": ["person", "traffic light"],
    "zones": {"lawn": 1},
    "lines": {"drive": ["in", "out"]},
}
BASE = f"thunderline/board-3/{CAMERA}"


def make_options(folder: Path, port: int, **changed: Any) -> dict[str, Any]:
    """As the table makes them of a configuration."""
    pace = {"count_s": 0.1, "clear_s": 0.3, "age_s": 1.0, "picture_s": None}
    options: dict[str, Any] = {
        "broker": f"127.0.0.1:{port}", "user": None, "password_file": None, "ca": None,
        "certificate": None, "key": None, "name": "board-3", "prefix": "thunderline",
        "discovery": "homeassistant", "commands": False, "keepalive_s": 5, "inflight": 20,
        "qos": {"events": 1, "states": 1, "pictures": 0},
        "pace": pace | changed.pop("pace", {}), "picture_width": 640,
        "outbox": {
            "path": f"{folder}/{{name}}.outbox", "max_mb": changed.pop("max_mb", 32.0),
            "max_age_h": 168.0,
        },
        "cameras": [PLAN],
    }  # fmt: skip
    return options | changed


def serving(run_dir: Path, options: dict[str, Any]) -> AbstractContextManager[None]:
    """The service in a thread, until the end of the block."""
    return serving_by(serve, run_dir, options)


def serve(run_dir: Path, options: dict[str, Any], alive: Callable[[], bool]) -> None:
    context = make_context(run_dir, alive, "mqtt")
    with closing(Mqtt(msgspec.convert(options, MqttOptions), context)) as service:
        service.run()


class Process(ServiceProcess):
    """The service in a process of its own, that can be killed."""

    def __init__(self, run_dir: Path, options: dict[str, Any]) -> None:
        super().__init__(__name__, run_dir, options)


class Subscriber:
    """Somebody else at the broker, who remembers all that comes."""

    def __init__(
        self,
        port: int,
        topic: str = "#",
        tls: tuple[Path, Path, Path] | None = None,
        session: str = "",
        pause_s: float = 1.0,
    ) -> None:
        """`tls` has the authority, the certificate and its key.

        For a `session` of some name the broker keeps what comes while this one is away. `pause_s`
        is waited between two tries to connect again.
        """
        self.heard: list[paho.MQTTMessage] = []
        self._subscribed = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=session, clean_session=not session
        )
        if tls is not None:
            authority, certificate, key = map(str, tls)
            self._client.tls_set(authority, certificate, key)
        self._client.on_connect = lambda *_: self._client.subscribe(topic, qos=1) and None
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.heard.append(message)
        self._client.reconnect_delay_set(pause_s, pause_s)  # type: ignore[arg-type]  # it may
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        del self._client  # which knows this one by its callbacks: sockets of a cycle stay open

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, 1, retain).wait_for_publish(PATIENCE_S)

    @property
    def values(self) -> dict[str, bytes]:
        """The last payload of each topic."""
        return {message.topic: bytes(message.payload) for message in list(self.heard)}

    def wait_for(self, topic: str, payload: bytes | str) -> None:
        wanted = payload.encode() if isinstance(payload, str) else payload
        try:
            wait_until(lambda: self.values.get(topic) == wanted, f"{topic} is {wanted!r}")
        except AssertionError as error:
            last = [bytes(m.payload) for m in list(self.heard) if m.topic == topic][-20:]
            raise AssertionError(f"{error}: {last}, of {len(self.heard)} messages") from None

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(m.payload) for m in list(self.heard) if "/event/" in m.topic]

    def wait_for_events(self, count: int) -> list[dict[str, Any]]:
        """Until so many different ones have come."""
        wait_until(lambda: len({e["id"] for e in self.events()}) >= count, f"{count} events come")
        return self.events()


if __name__ == "__main__":
    serve_until_told(serve)
