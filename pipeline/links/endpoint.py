"""Addresses that a line listens at, and who listens there already."""

import contextlib
import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import zmq

from pipeline.links.sockets import LinkError

_KEY = "publish.endpoint"


def check_endpoint(endpoint: str) -> None:
    """Listen at an address for a moment. Raises LinkError where that cannot be done."""
    context = zmq.Context()
    probe: zmq.Socket[bytes] = context.socket(zmq.XPUB)
    try:
        with bound_alone(endpoint):
            probe.bind(endpoint)
            path = local_path(endpoint)
            if path is not None:  # ZeroMQ leaves the file
                path.unlink(missing_ok=True)
    except zmq.ZMQError as error:
        raise cannot_listen(endpoint, error.errno) from None
    finally:
        context.destroy(linger=0)  # waits until the port is free again


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
    hint = "; is another line running there?" if number == errno.EADDRINUSE else ""
    return LinkError(f"{_KEY}: cannot listen at {endpoint}: {zmq.strerror(number or errno.EINVAL)}"
                     f"{hint}")  # fmt: skip


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
