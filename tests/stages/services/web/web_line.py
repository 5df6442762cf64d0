"""A line with the service `web`, and somebody who asks it."""

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
from websockets.sync.client import ClientConnection, connect

from tests.ports import free_port
from tests.running_line import PATIENCE_S, REPOSITORY, RunningLine, wait_until

TINY_MODEL = REPOSITORY / "tests/golden/tiny.onnx"
SECRET = "Geh31mnis"
# What a browser says of a socket that it was opening when the service was killed.
CUT_OFF = ("before receiving a handshake", "before the connection is established")
ABSENT = f"rtsp://admin:{SECRET}@127.0.0.1:1/stream"  # nobody listens on port 1


class Answer(NamedTuple):
    """Of one request."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class WebLine:
    """`sources` and `web` are those sections of the configuration; messages are recorded.

    With a file, that has the sources. In a `with` statement, the line ends with it.
    """

    def __init__(
        self,
        folder: Path,
        sources: list[dict[str, object]],
        *settings: str,
        model: Path = TINY_MODEL,
        file: Path | None = None,
        **web: object,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.port = free_port()
        web.setdefault("listen", f"127.0.0.1:{self.port}")
        keys = (
            *([] if file else [f"sources={_yaml(sources)}"]),
            f"web={_yaml(web)}",
            f"publish.endpoint=ipc://{folder}/pub",
            f"record.jsonl={folder}/out.jsonl",
            "track.enabled=false",  # the score of a frame says which frame it is
            *settings,
        )
        words = [word for key in keys for word in ("--set", key)]
        files = [str(file)] if file else []
        self.line = RunningLine(folder, [*files, "--model", str(model), *words])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.line.end()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(
        self,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def wait(self) -> None:
        """Until the service answers."""
        wait_until(self._answers, "the service answers")

    def wait_for_results(self, camera: str) -> None:
        self.wait()
        wait_until(
            lambda: self.ask(f"/api/v1/cameras/{camera}/detections").status == 200,
            f"{camera} has results",
        )

    @contextmanager
    def stream(self, query: str = "", **options: Any) -> Iterator[ClientConnection]:
        """A WebSocket that receives messages."""
        address = f"ws://{self.host}/api/v1/stream{query}"
        with connect(address, open_timeout=PATIENCE_S, close_timeout=5, **options) as socket:
            yield socket

    def _answers(self) -> bool:
        assert self.line.process.poll() is None, self.line.stdout + self.line.stderr
        try:
            return self.ask("/api/v1/healthz").status == 200
        except OSError:
            time.sleep(0.1)
            return False


def _yaml(value: object) -> str:
    """JSON is YAML."""
    return msgspec.json.encode(value).decode()
