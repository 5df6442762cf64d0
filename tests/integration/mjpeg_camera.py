"""A network camera for tests: motion JPEG over HTTP, which does what real cameras do at times."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import cv2

from tests.clips import Size, draw

_HEAD = (
    b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n"
    b"Cache-Control: no-cache\r\n\r\n"
)
_REFUSAL = b"HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm=cam\r\n\r\n"
Script = Callable[[int], Iterator[bytes]]  # from the number of the connection


def encode_frame(index: int, size: Size = (64, 48)) -> bytes:
    """One frame on the wire."""
    done, jpeg = cv2.imencode(".jpg", draw(index, size))
    assert done
    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
    return head.encode() + jpeg.tobytes() + b"\r\n"


def stream(indices: Iterable[int], size: Size = (64, 48), fps: float = 50) -> Iterator[bytes]:
    """An answer with these frames, in their time."""
    yield _HEAD
    for index in indices:
        yield encode_frame(index, size)
        time.sleep(1.0 / fps)


def moving(connection: int) -> Iterator[bytes]:
    """A camera without a fault."""
    yield from stream(itertools.count())


def freezing(frozen: threading.Event) -> Script:
    """Moves until the event, then sends the same frame for ever, over all connections."""
    return lambda _: stream(itertools.chain(_numbers_until(frozen), itertools.repeat(3)))


def falling_silent(silent: threading.Event) -> Script:
    """Moves until the event, then sends nothing more; connections stay."""

    def script(_: int) -> Iterator[bytes]:
        yield from stream(_numbers_until(silent))
        time.sleep(3600)

    return script


def refusing(connection: int) -> Iterator[bytes]:
    yield _REFUSAL


def mute(connection: int) -> Iterator[bytes]:
    """Accepts, and says nothing."""
    time.sleep(3600)
    yield b""


def _numbers_until(event: threading.Event) -> Iterator[int]:
    return itertools.takewhile(lambda _: not event.is_set(), itertools.count())


class MjpegCamera:
    """Serves `script` at `url`, one connection at a time; the script may be changed meanwhile."""

    def __init__(self, script: Script = moving) -> None:
        self.script = script
        self.connections = 0
        self.moments: list[float] = []  # of the connections
        self._server = socket.create_server(("127.0.0.1", 0), backlog=16)
        self._peer: socket.socket | None = None
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.getsockname()[1]}/video.mjpg"

    def cut(self) -> None:
        """End the connection of the moment, as a pulled plug does not: at once, and to be seen."""
        peer = self._peer
        if peer is not None:
            peer.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def __enter__(self) -> "MjpegCamera":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
            except OSError:  # closed
                return
            self.connections += 1
            self.moments.append(time.monotonic())
            answer = threading.Thread(target=self._answer, args=(peer, self.connections))
            answer.daemon = True
            answer.start()

    def _answer(self, peer: socket.socket, connection: int) -> None:
        with peer:
            self._peer = peer
            try:
                peer.recv(4096)
                for part in self.script(connection):
                    peer.sendall(part)
            except OSError:  # the reader has gone
                return
