"""Ports of this machine that tests may listen on."""

import errno
import socket
from random import Random

# Below the range that Linux gives to outgoing connections (32768 and up): a port from there could
# be taken by a connection between the moment it is found free and the moment it is listened on.
_FIRST, _LAST = 15_000, 32_000
_random = Random()  # seeded by the system: test processes that run side by side differ


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    while True:
        port = _random.randint(_FIRST, _LAST)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return port
