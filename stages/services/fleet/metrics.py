"""Shows Prometheus a whole fleet: its boards, their cameras, and the streams of the hub.

    python -m stages.services.fleet.metrics --server tls://hub --user viewer

serves http://127.0.0.1:9477/metrics. It stays when the hub goes, and says so in
`thunderline_fleet_hub_up`. `deploy/grafana/fleet.json` is a dashboard over it.
"""

import argparse
import asyncio
import http.server
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import NamedTuple

from nats.aio.client import Client

from stages.services.fleet.hub_metrics import (
    StreamInfo,
    collect_boards,
    collect_cameras,
    collect_hub,
    collect_streams,
)
from stages.services.fleet.operator import (
    OperatorError,
    add_server_options,
    ask,
    connected,
    lasting,
    run_command,
)
from stages.services.fleet.subjects import EVENTS, STATES
from stages.services.fleet.view import FleetView, following
from stages.services.metrics.text import OPENMETRICS, PLAIN, TextFormat
from stages.services.web.address import parse_listen

PATH = "/metrics"
_LISTEN = "127.0.0.1:9477"
_ANSWER_S = 20.0  # for a scrape


class _Hub(NamedTuple):
    """While there is a connection."""

    client: Client
    view: FleetView


class Exporter:
    """What is shown: all that is known now, or nothing but that the hub is away."""

    def __init__(self) -> None:
        self._hub: _Hub | None = None
        self._formats = {
            media: TextFormat(openmetrics=media == OPENMETRICS) for media in (PLAIN, OPENMETRICS)
        }

    async def follow(self, options: argparse.Namespace, begun: Callable[[], None]) -> None:
        """Until the connection ends. Raises OperatorError."""
        async with connected(options) as client, following(client) as view:
            self._hub = _Hub(client, view)
            begun()
            try:
                while client.is_connected:
                    await asyncio.sleep(0.2)
            finally:
                self._hub = None
        raise OperatorError(f"{options.server}: the connection is lost")

    async def render(self, media: str) -> bytes:
        """Raises OperatorError where the hub does not say how its streams are."""
        hub = self._hub
        metrics = [*collect_hub(is_up=hub is not None)]
        if hub is not None:
            infos: list[StreamInfo] = [
                await ask(hub.client, f"STREAM.INFO.{name}") for name in (EVENTS, STATES)
            ]
            metrics += collect_boards(hub.view)
            metrics += collect_cameras(hub.view)
            metrics += collect_streams(infos)
        return self._formats[media].render(metrics)


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """That of `http.server` asks a name server for its own name first."""

    allow_reuse_address = True
    daemon_threads = True


class _IPv6Server(_Server):
    address_family = socket.AF_INET6


def make_handler(scrape: Callable[[str], bytes]) -> type[http.server.BaseHTTPRequestHandler]:
    """Answers GET /metrics with what `scrape` returns for a media type."""

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = _ANSWER_S
        server_version, sys_version = "ThunderLine", ""

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != PATH:
                self._answer(404, f"expected {PATH}\n".encode(), PLAIN)
                return
            openmetrics = "application/openmetrics-text" in self.headers.get("Accept", "")
            media = OPENMETRICS if openmetrics else PLAIN
            try:
                self._answer(200, scrape(media), media)
            except (OperatorError, TimeoutError) as error:
                self._answer(503, f"{error or 'the hub does not answer'}\n".encode(), PLAIN)

        def _answer(self, status: int, body: bytes, media: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Scrapes are not worth a line."""

    return Handler


@contextmanager
def served(listen: str, scrape: Callable[[str], bytes]) -> Iterator[None]:
    """In threads of its own. Raises ServiceError."""
    address = parse_listen(listen, "--listen")
    kind = _IPv6Server if ":" in address.host else _Server
    try:
        server = kind(
            ("" if address.host == "*" else address.host, address.port), make_handler(scrape)
        )
    except OSError as error:
        raise OperatorError(f"--listen: {listen}: {error.strerror or error}") from None
    threading.Thread(target=server.serve_forever, name="scrapes", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stages.services.fleet.metrics",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--listen", default=_LISTEN, help=f"HOST:PORT; {_LISTEN} by default")
    add_server_options(parser)
    return parser


async def work(options: argparse.Namespace) -> int:
    exporter, loop = Exporter(), asyncio.get_running_loop()

    def scrape(media: str) -> bytes:
        answer: Future[bytes] = asyncio.run_coroutine_threadsafe(exporter.render(media), loop)
        return answer.result(_ANSWER_S)

    with served(options.listen, scrape):
        print(f"http://{options.listen}{PATH}", flush=True)
        await lasting(lambda begun: exporter.follow(options, begun))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    return run_command(lambda: work(options))


if __name__ == "__main__":
    sys.exit(main())
