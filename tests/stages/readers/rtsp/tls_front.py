"""TLS in front of a plain socket, in one thread: OpenSSL allows no two at one connection."""

import contextlib
import select
import socket
import ssl

_BYTES = 1 << 16


def serve_tls(connected: socket.socket, context: ssl.SSLContext, plain: socket.socket) -> None:
    """Pass on what either side sends, until one of them ends; closes both."""
    with (
        plain,
        contextlib.suppress(OSError),
        context.wrap_socket(connected, server_side=True) as secure,
    ):
        while True:
            ready = [secure] if secure.pending() else select.select([secure, plain], [], [])[0]
            for side, other in ((secure, plain), (plain, secure)):
                if side in ready:
                    data = side.recv(_BYTES)
                    if not data:
                        return
                    other.sendall(data)
