"""Whether a camera that was away can be reached again, found out at next to no cost.

To open a stream takes a handshake, and perhaps a password, which a camera in trouble should be
spared. To see that it is there takes less: a TCP connection to its port that is closed at once.
Only a change counts, from unreachable to reachable. A camera that could be reached all the time and
whose stream fails gains nothing from another try.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from pipeline.loops.backoff import Retry
from stages.readers.pipe_content import has_data
from stages.readers.uri import is_camera, is_live, is_pipe, look_up

# Servers that take any number of connections. Others (tcp, udp, srt) may serve the first one only,
# or need no connection: such a stream cannot be looked at without being opened.
_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443, "rtmp": 1935, "rtmps": 443}
_UNSEEN_CAP_S = 5.0
_LOOK_S = 1.0  # from one connection to the next, and until one counts as failed
_OPEN_LOOK_S = 5.0  # while the port is open, its camera is left alone longer


class Presence(Protocol):
    """Sees when something that could not be reached can be reached."""

    def has_returned(self) -> bool:
        """Whether it has, since the last call; answers at once."""
        ...

    def forget(self) -> None:
        """It was reached: that it was away before counts no more."""
        ...


class PortPresence:
    """A port of another machine."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._was_closed = False
        self._next_s = 0.0
        self._look: _Look | None = None

    def has_returned(self) -> bool:
        now_s = time.monotonic()
        if self._look is None:
            if now_s >= self._next_s:
                self._look = _Look(self._address)
                self._look.start()
            return False
        if self._look.is_alive():
            return False
        is_open, self._look = self._look.is_open, None
        self._next_s = now_s + (_OPEN_LOOK_S if is_open else _LOOK_S)
        returned = is_open and self._was_closed
        self._was_closed = not is_open
        return returned

    def forget(self) -> None:
        self._was_closed, self._look, self._next_s = False, None, 0.0


class _Look(threading.Thread):
    """One connection, in a thread: a name that nobody knows takes long to be looked up."""

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(daemon=True)
        self._address = address
        self.is_open = False

    def run(self) -> None:
        # Python refuses some host names as text, before it asks for them.
        with contextlib.suppress(OSError, UnicodeError):
            socket.create_connection(self._address, timeout=_LOOK_S).close()
            self.is_open = True


class PathPresence:
    """Something that a path shows: a device file goes and comes with the plug."""

    def __init__(self, path: Path, is_there: Callable[[Path], bool] = Path.exists) -> None:
        self._path, self._is_there = path, is_there
        self._was_absent = False

    def has_returned(self) -> bool:
        is_there = self._is_there(self._path)
        returned = is_there and self._was_absent
        self._was_absent = not is_there
        return returned

    def forget(self) -> None:
        self._was_absent = False


def make_presence(uri: str) -> Presence | None:
    """What can tell whether the source of an address is there; None if nothing can."""
    if is_camera(uri):
        return PathPresence(Path(f"/dev/video{uri}" if uri.isdecimal() else uri))
    if is_pipe(uri):
        return PathPresence(Path(look_up(uri).location), has_data)
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:  # the reader says what is wrong with it
        return None
    if not host or parts.scheme not in _PORTS or port == 0:
        return None
    return PortPresence(host, port or _PORTS[parts.scheme])


def retry_of(uri: str, retry: Retry) -> Retry:
    """The waits before an address is opened again: short ones where only that shows it is there."""
    is_seen = make_presence(uri) is not None and not is_pipe(uri)  # a writer may come unseen
    if not is_live(uri) or is_seen:
        return retry
    cap_s = min(retry.cap_s, _UNSEEN_CAP_S)
    return msgspec.structs.replace(retry, first_s=min(retry.first_s, cap_s), cap_s=cap_s)
