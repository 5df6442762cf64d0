"""A web server for tests, which does what real ones do at times."""

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import msgspec

from pipeline.client import EventMessage


class Received(NamedTuple):
    """One request."""

    path: str
    headers: Mapping[str, str]  # names in small letters
    body: bytes

    def event(self) -> EventMessage:
        return msgspec.json.decode(self.body, type=EventMessage)


class Answer(NamedTuple):
    """Of the server to one request."""

    status: int = 200
    headers: Mapping[str, str] = {}
    silent: bool = False  # it takes the request and never answers
    trickling: bool = False  # it sends a byte now and then, and never comes to an end
    cut: bool = False  # it ends the connection


Script = Callable[[int, Received], Answer]  # from the number of the request


def always(answer: Answer) -> Script:
    return lambda _number, _request: answer


class Receiver:
    """Listens on a free port of this machine; `script` may be changed meanwhile."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or always(Answer())
        self.received: list[Received] = []  # whatever was answered
        self.taken: list[Received] = []  # with 2xx
        self._closing = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._serve(self)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=S3cretT0ken"

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        size = int(handler.headers["Content-Length"])
        headers = {name.lower(): text for name, text in handler.headers.items()}
        request = Received(handler.path, headers, handler.rfile.read(size))
        answer = self.script(len(self.received), request)
        self.received.append(request)
        if 200 <= answer.status < 300 and not (answer.silent or answer.trickling or answer.cut):
            self.taken.append(request)
        with suppress(OSError):
            self._answer(handler, answer)

    def _answer(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.cut:
            handler.close_connection = True
            return
        if answer.silent:
            self._closing.wait()
            return
        if answer.trickling:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self._closing.is_set():
                handler.wfile.write(b"x-more: 1\r\n")
                time.sleep(0.05)
            return
        handler.send_response(answer.status)
        for name, text in answer.headers.items():
            handler.send_header(name, text)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
