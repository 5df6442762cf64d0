"""A web server for tests: one answer to everything, with a clock that may be wrong."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import SplitResult, urlsplit


class WebServer(ThreadingHTTPServer):
    """Answers 404.

    Args:
        ahead_s: its clock, of ours.
        date: the header of that name, instead of the clock's; none if it is empty.
        others: headers beside it.
    """

    daemon_threads = True

    def __init__(
        self, ahead_s: float = 0.0, date: str | None = None, others: dict[str, str] | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ahead_s, self.date, self.others = ahead_s, date, others or {}
        self.requests: list[tuple[str, str, str]] = []  # method, path, and who asks

    @property
    def page(self) -> SplitResult:
        return urlsplit(f"http://127.0.0.1:{self.server_address[1]}/")


class _Handler(BaseHTTPRequestHandler):
    server: WebServer

    def do_HEAD(self) -> None:
        asked_by = self.headers.get("Authorization", "")
        self.server.requests.append((self.command, self.path, asked_by))
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response_only(404)
        told = formatdate(time.time() + self.server.ahead_s, usegmt=True)
        date = told if self.server.date is None else self.server.date
        if date:
            self.send_header("Date", date)
        for name, value in {"Content-Length": "0", **self.server.others}.items():
            self.send_header(name, value)
        self.end_headers()

    do_POST = do_HEAD

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(server: WebServer) -> Iterator[WebServer]:
    """Until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))  # how often it looks
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
