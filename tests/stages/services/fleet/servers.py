"""A real NATS server on a port of its own, and what people at the hub see in it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from nats.aio.client import Client
from nats.js.errors import NotFoundError

from stages.services.fleet import streams
from stages.services.fleet.operator import OperatorError, ask, connected
from stages.services.fleet.subjects import EVENTS, STATES
from tests.ports import free_port
from tests.running_line import PATIENCE_S, wait_until

PROGRAM = Path(sys.executable).with_name("nats-server")

T = TypeVar("T")


class Server:
    """nats-server, which keeps its port and its streams over restarts."""

    def __init__(
        self,
        folder: Path,
        text: str = "",
        *,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        enter: Sequence[str] = (),
    ) -> None:
        """`text` is added to a configuration with JetStream; `user` has the password `secret`.

        `enter` is what its command begins with, if it is to run in a place of its own: there it
        listens at all addresses.
        """
        self.folder, self.port, self._user = folder, free_port(), user
        self._environment, self._enter = environment or {}, enter
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "nats.conf"
        if "store_dir" not in text and "jetstream: disabled" not in text:
            text = f'jetstream {{ store_dir: "{folder}/store" }}\n{text}'
        self._config.write_text(text)
        (folder / "password").write_text("secret")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._began = log.tell()
            address = "0.0.0.0" if self._enter else "127.0.0.1"
            self._process = subprocess.Popen(
                [*self._enter, PROGRAM, "-c", self._config, "-a", address, "-p", str(self.port)],
                stdout=log, stderr=log, cwd=self.folder, env=os.environ | dict(self._environment),
            )  # fmt: skip
        wait_until(self._is_ready, "the server is ready")

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def arguments(self) -> list[str]:
        """For the commands of people."""
        server = ["--server", f"127.0.0.1:{self.port}"]
        if self._user is None:
            return server
        return [*server, "--user", self._user, "--password-file", f"{self.folder}/password"]

    def do(self, work: Callable[[Client], Awaitable[T]]) -> T:
        """With a connection of its own; a server that was just started may need a moment more."""
        options = streams.make_parser().parse_args(["alone", *self.arguments()])

        async def run() -> T:
            async with connected(options) as client:
                return await work(client)

        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                return asyncio.run(run())
            except OperatorError as error:
                if "nobody answers" not in str(error) or time.monotonic() > deadline_s:
                    raise
                time.sleep(0.1)

    def make_streams(self, *wanted: Mapping[str, Any]) -> None:
        async def make(client: Client) -> None:
            for config in wanted or streams.alone_streams(streams.HUB_LIMITS._replace(gb=0.1)):
                await streams.make_stream(client, config)

        self.do(make)

    def stored(self, stream: str) -> list[tuple[str, Any]]:
        """Subject and message of all that is in a stream, in its order."""
        return self.do(lambda client: _read(client, stream))

    def events(self) -> list[dict[str, Any]]:
        return [message for _, message in self.stored(EVENTS)]

    def states(self) -> dict[str, Any]:
        return dict(self.stored(STATES))

    def wait_for_events(self, count: int) -> list[dict[str, Any]]:
        """Until the stream has so many."""
        wait_until(lambda: self.count(EVENTS) >= count, f"{count} events come", pause_s=0.1)
        return self.events()

    def wait_for_state(self, subject: str, check: Callable[[Any], bool] = bool) -> Any:
        found: list[Any] = []

        def there() -> bool:  # a state that is replaced meanwhile is in no reading
            state = self.states().get(subject)
            if state is not None and check(state):
                found.append(state)
            return bool(found)

        wait_until(there, f"{subject} is so", pause_s=0.1)
        return found[0]

    def count(self, stream: str) -> int:
        async def count(client: Client) -> int:
            return int((await ask(client, f"STREAM.INFO.{stream}"))["state"]["messages"])

        return self.do(count)

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        with (self.folder / "log").open("rb") as log:
            log.seek(self._began)
            return b"Server is ready" in log.read()


async def _read(client: Client, stream: str) -> list[tuple[str, Any]]:
    jetstream = client.jetstream()
    state = (await ask(client, f"STREAM.INFO.{stream}"))["state"]
    found = []
    for seq in range(max(state["first_seq"], 1), state["last_seq"] + 1):
        try:
            message = await jetstream.get_msg(stream, seq, direct=True)
        except NotFoundError:  # a newer state has taken its place
            continue
        found.append((str(message.subject), json.loads(message.data or b"null")))
    return found


@contextmanager
def running_server(folder: Path, text: str = "", **options: Any) -> Iterator[Server]:
    server = Server(folder, text, **options)
    try:
        yield server
    finally:
        server.stop()
