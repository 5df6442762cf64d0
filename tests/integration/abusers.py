"""Clients that do harm, each a program of its own: `python abusers.py KIND PORT`.

They go on until they are killed, or until the line throws them out for good.
"""

import itertools
import os
import socket
import sys
import time

_GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + b"\x00" + bytes(31)
_READY = b"\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB"


def connect(port: int) -> socket.socket:
    """A TCP connection on which ZeroMQ takes us for a subscriber."""
    peer = socket.create_connection(("127.0.0.1", port), timeout=20)
    peer.sendall(_GREETING)
    received = 0
    while received < len(_GREETING):
        received += len(peer.recv(len(_GREETING) - received))
    peer.sendall(bytes((4, len(_READY))) + _READY)
    return peer


def subscribe(prefix: bytes) -> bytes:
    return bytes((0, 1 + len(prefix))) + b"\x01" + prefix


def stop_reading(port: int) -> None:
    """Twenty clients that want everything and take nothing."""
    peers = [connect(port) for _ in range(20)]
    for peer in peers:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.sendall(subscribe(b""))
    time.sleep(3600)


def read_slowly(port: int) -> None:
    """One that takes some hundred bytes a second."""
    peer = connect(port)
    peer.sendall(subscribe(b""))
    while True:
        peer.recv(400)
        time.sleep(1)


def come_and_go(port: int) -> None:
    """As many connections a second as there is time for."""
    while True:
        peer = connect(port)
        peer.sendall(subscribe(b"") + subscribe(b"det."))
        peer.close()


def knock(port: int) -> None:
    """Connections that never say a word."""
    for _ in range(200):
        peers = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
        time.sleep(0.01)
        for peer in peers[1:]:
            peer.close()
    time.sleep(3600)


def subscribe_to_everything(port: int) -> None:
    """Different subscriptions without end."""
    for start in itertools.count(step=2000):
        _send_again_and_again(
            port, b"".join(subscribe(b"%032d" % (start + i)) for i in range(2000))
        )


def send_garbage(port: int) -> None:
    """Bytes that are no ZeroMQ, and ZeroMQ that is no subscription."""
    frames = bytes((2,)) + (1 << 62).to_bytes(8, "big")  # a frame of 4 EB is announced
    for data in itertools.cycle([b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 100_000, os.urandom(5000)]):
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.sendall(data)
        _send_again_and_again(port, os.urandom(5000))
        _send_again_and_again(port, frames + bytes(100_000))


_peers: dict[int, socket.socket] = {}


def _send_again_and_again(port: int, data: bytes) -> None:
    """On the connection that there is, or on a new one when the line has closed it."""
    try:
        if port not in _peers:
            _peers[port] = connect(port)
        _peers[port].sendall(data)
    except OSError:
        _peers.pop(port).close() if port in _peers else None


KINDS = {
    kind.__name__: kind
    for kind in (
        stop_reading, read_slowly, come_and_go, knock, subscribe_to_everything, send_garbage
    )
}  # fmt: skip

if __name__ == "__main__":
    KINDS[sys.argv[1]](int(sys.argv[2]))
