"""Addresses that a line listens at, and who listens there already."""

import contextlib
import errno
import fcntl
import os
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import zmq

from pipeline.links.sockets import LinkError

_KEY = "publish.endpoint"
_TCP = re.compile(r"tcp://(?:\[[^\]]*\]|[^:]+):(?P<port>[^:]+)")
_FOREIGN = "; expected an address or interface of this machine, or *"
_HINTS = {
    errno.EADDRINUSE: "; is another line running there?",
    errno.ENODEV: _FOREIGN,
    errno.EADDRNOTAVAIL: _FOREIGN,
}


def check_endpoint(endpoint: str) -> None:
    """Listen at an address for a moment. Raises LinkError where that cannot be done."""
    _check_form(endpoint)
    context = zmq.Context()
    probe: zmq.Socket[bytes] = context.socket(zmq.XPUB)
    try:
        set_family(probe, endpoint)
        with bound_alone(endpoint):
            probe.bind(endpoint)
            path = local_path(endpoint)
            if path is not None:  # ZeroMQ leaves the file
                path.unlink(missing_ok=True)
    except zmq.ZMQError as error:
        raise cannot_listen(endpoint, error.errno) from None
    finally:
        context.destroy(linger=0)  # waits until the port is free again


def set_family(opened: zmq.Socket[bytes], endpoint: str) -> None:
    """An IPv6 address needs a socket of that family."""
    if endpoint.startswith("tcp://["):
        opened.setsockopt(zmq.IPV6, 1)


@contextlib.contextmanager
def bound_alone(endpoint: str) -> Iterator[None]:
    """Around a `bind`: ZeroMQ removes whatever is at the path of a local address.

    Raises:
        LinkError: a process listens there, or there is a file that is no socket.
    """
    path = local_path(endpoint)
    if path is None:
        yield
        return
    with _folder_locked(path):  # two lines that start at once would both find nobody there
        if _is_other_file(path):
            raise LinkError(f"{_KEY}: {endpoint}: expected a socket or no file, got another file")
        if _has_listener(path):
            raise cannot_listen(endpoint, errno.EADDRINUSE)
        yield


def local_path(endpoint: str) -> Path | None:
    """The file of a local address; None where it has none, or one that ZeroMQ chooses."""
    scheme, _, path = endpoint.partition("://")
    return Path(path) if scheme == "ipc" and path != "*" and not path.startswith("@") else None


def cannot_listen(endpoint: str, number: int | None) -> LinkError:
    number = number or errno.EINVAL
    why = f"{zmq.strerror(number)}{_HINTS.get(number, '')}"
    return LinkError(f"{_KEY}: cannot listen at {endpoint}: {why}")


def _check_form(endpoint: str) -> None:
    """ZeroMQ says of these mistakes only that an argument is invalid."""
    if "\0" in endpoint:
        raise LinkError(f"{_KEY}: expected an address without null bytes, got {endpoint!r}")
    if not endpoint.startswith("tcp://"):
        return
    found = _TCP.fullmatch(endpoint)
    if found is None:
        raise LinkError(
            f"{_KEY}: expected an address and a port, an IPv6 address in brackets, got {endpoint}"
        )
    port = found["port"]
    if not (port.isascii() and port.isdecimal() and len(port) < 6 and 0 < int(port) < 1 << 16):
        raise LinkError(f"{_KEY}: expected a port from 1 to 65535, got '{port}' in {endpoint}")


def _is_other_file(path: Path) -> bool:
    try:
        return not stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return False


def _has_listener(path: Path) -> bool:
    """Whether a process listens at a local address. One that does not accept now listens, too."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            return probe.connect_ex(str(path)) not in (errno.ECONNREFUSED, errno.ENOENT,
                                                       errno.ENOTDIR)  # fmt: skip
        except OSError:  # not the path of a socket; binding to it will say why
            return False


@contextlib.contextmanager
def _folder_locked(path: Path) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # no such folder, or a file system without locks
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, folder)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
