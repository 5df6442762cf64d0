"""The service `mqtt` at work: what it gets of a line is made by hand, the broker is real."""

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from pipeline.client import DetectionMessage, EventMessage, Message, StatusMessage
from pipeline.links.broadcast import Broadcast
from pipeline.links.sockets import messages_address
from pipeline.memory.event_log import EventLogWriter
from pipeline.memory.ledger import Ledger
from stages.services.mqtt.service import Mqtt, MqttOptions
from tests.pipeline.frames import make_run
from tests.pipeline.messages import make_event, publish
from tests.running_line import PATIENCE_S, REPOSITORY, wait_until
from tests.stages.services.bare import CAMERA, make_context

PLAN: dict[str, Any] = {
    "name": CAMERA,
    "labels": ["person", "traffic light"],
    "zones": ["lawn"],
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


class Line:
    """What a line gives its services: messages and the log of events."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        run = make_run(run_dir)
        self.ledger = Ledger.create(run_dir, len(run.cameras), len(run.processes))
        self._log = EventLogWriter(run_dir)
        self._outbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._publish)
        self._thread.start()
        self._next_seq = 0

    def say(self, message: DetectionMessage | StatusMessage) -> None:
        self._outbox.put(message)

    def happen(self, times: int = 1, **fields: Any) -> list[EventMessage]:
        """Events of the camera, in the log as `publish` writes it."""
        events = [make_event(self._next_seq + i, CAMERA, **fields) for i in range(times)]
        self._next_seq += times
        for event in events:
            self._log.append(msgspec.msgpack.encode(event))
        return events

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._log.close()

    def _publish(self) -> None:
        topics = [f"det.{CAMERA}", f"status.{CAMERA}", f"event.{CAMERA}"]
        private = messages_address(self.run_dir)
        with closing(Broadcast(f"ipc://{self.run_dir}/pub", topics, None, private)) as broadcast:
            while not self._ended.is_set():
                broadcast.welcome()
                try:
                    publish(broadcast, self._outbox.get(timeout=0.01))
                except queue.Empty:
                    continue


@contextmanager
def serving(run_dir: Path, options: dict[str, Any]) -> Iterator[None]:
    """The service in a thread, until the end of the block."""
    ended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(serve, run_dir, options, lambda: not ended.is_set())
        try:
            yield
        finally:
            ended.set()
            work.result()


def serve(run_dir: Path, options: dict[str, Any], alive: Callable[[], bool]) -> None:
    context = make_context(run_dir, alive)
    with closing(Mqtt(msgspec.convert(options, MqttOptions), context)) as service:
        service.run()


class Process:
    """The service in a process of its own, that can be killed."""

    def __init__(self, run_dir: Path, options: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(run_dir), json.dumps(options)], cwd=REPOSITORY
        )

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(PATIENCE_S) == 0


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

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, 1, retain).wait_for_publish(PATIENCE_S)

    @property
    def values(self) -> dict[str, bytes]:
        """The last payload of each topic."""
        return {message.topic: bytes(message.payload) for message in list(self.heard)}

    def wait_for(self, topic: str, payload: bytes | str) -> None:
        wanted = payload.encode() if isinstance(payload, str) else payload
        wait_until(
            lambda: self.values.get(topic) == wanted,
            f"{topic} is {wanted!r}, it is {self.values.get(topic)!r}",
        )

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(m.payload) for m in list(self.heard) if "/event/" in m.topic]

    def wait_for_events(self, count: int) -> list[dict[str, Any]]:
        """Until so many different ones have come."""
        wait_until(lambda: len({e["id"] for e in self.events()}) >= count, f"{count} events come")
        return self.events()


def serve_until_told(run_dir: Path, options: dict[str, Any]) -> None:
    """What the process of `Process` does, until it gets SIGTERM."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    serve(run_dir, options, lambda: not ended.is_set())


if __name__ == "__main__":
    serve_until_told(Path(sys.argv[1]), json.loads(sys.argv[2]))
