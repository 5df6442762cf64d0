"""A TCP connection to a server by name or address, with TLS if asked for, until a deadline.

The certificate is not verified: cameras come with certificates that they have signed themselves, or
that name another address. So TLS hides the stream from those who listen, and does not prove that
the camera is the camera. FFmpeg does the same unless told otherwise.
"""

import contextlib
import os
import queue
import select
import socket
import ssl
import threading

from stages.readers.rtsp.address import StreamAddress
from stages.readers.rtsp.deadline import Deadline

_NEXT_ADDRESS_S = 0.25  # RFC 8305: how long an address is tried before the next one, too
_Resolved = list[tuple[socket.AddressFamily, tuple[object, ...]]]


def dial(address: StreamAddress, deadline: Deadline) -> socket.socket:
    """A connected socket that never blocks.

    Raises:
        OSError: refused, not reachable, no such host; TimeoutError after the deadline.
    """
    connected = _connect(_resolve(address.host, address.port, deadline), deadline)
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _encrypt(connected, address.host, deadline) if address.encrypted else connected
    except BaseException:
        connected.close()
        raise


def _resolve(host: str, port: int, deadline: Deadline) -> _Resolved:
    """The system's resolver knows no deadline, so a name is looked up in a thread of its own."""
    with contextlib.suppress(socket.gaierror):
        return _look_up(host, port, socket.AI_NUMERICHOST)
    answer: queue.SimpleQueue[_Resolved | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answer.put(_look_up(host, port, socket.AI_ADDRCONFIG))
        except OSError as error:
            answer.put(error)
        except UnicodeError:  # a label that is empty or too long
            answer.put(OSError(0, "not a host name"))

    threading.Thread(target=look_up, daemon=True).start()
    try:
        found = answer.get(timeout=deadline.left_s())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, OSError):
        raise found
    return found


def _look_up(host: str, port: int, flags: int) -> _Resolved:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, place) for family, _, _, _, place in found]


def _connect(places: _Resolved, deadline: Deadline) -> socket.socket:
    """The first address that answers; each next one is tried when those before hesitate."""
    waiting: dict[int, socket.socket] = {}
    poll = select.poll()
    failure: OSError = TimeoutError()
    try:
        while places or waiting:
            if places:
                family, place = places.pop(0)
                try:
                    started = _start(family, place)
                except OSError as error:  # such as: this machine has no IPv6
                    failure = error
                    continue
                waiting[started.fileno()] = started
                poll.register(started, select.POLLOUT)
            patience = deadline.sooner(_NEXT_ADDRESS_S) if places else deadline
            for number, _ in poll.poll(patience.left_s() * 1000):
                poll.unregister(number)
                answered = waiting.pop(number)
                error_number = answered.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error_number == 0:
                    return answered
                failure = OSError(error_number, os.strerror(error_number))
                answered.close()
            if deadline.passed():
                raise TimeoutError
        raise failure
    finally:
        for other in waiting.values():
            other.close()


def _start(family: socket.AddressFamily, place: tuple[object, ...]) -> socket.socket:
    started = socket.socket(family, socket.SOCK_STREAM)
    try:
        started.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            started.connect(place)
    except BaseException:
        started.close()
        raise
    return started


def _encrypt(connected: socket.socket, host: str, deadline: Deadline) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    encrypted = context.wrap_socket(
        connected, server_hostname=host.partition("%")[0], do_handshake_on_connect=False
    )
    try:
        _shake_hands(encrypted, deadline)
    except BaseException:
        encrypted.close()
        raise
    return encrypted


def _shake_hands(encrypted: ssl.SSLSocket, deadline: Deadline) -> None:
    poll = select.poll()
    while True:
        try:
            encrypted.do_handshake()
        except ssl.SSLWantReadError:
            poll.register(encrypted, select.POLLIN)
        except ssl.SSLWantWriteError:
            poll.register(encrypted, select.POLLOUT)
        else:
            return
        poll.poll(deadline.left_s() * 1000)
        if deadline.passed():
            raise TimeoutError
