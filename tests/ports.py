"""Ports of this machine that tests may listen on."""

import errno
import itertools
import os
import socket
from collections.abc import Iterator
from random import Random

# Below the range that Linux gives to outgoing connections (32768 and up): a port from there could
# be taken by a connection between the moment it is found free and the moment it is listened on.
_FIRST, _LAST = 15_000, 32_000
_SHARES = 16  # of that range; tests run in fewer processes at a time


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens.

    Somebody listens on it a moment later only, so it is not given twice, nor to two processes.
    """
    while True:
        port = next(_ports)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return port


def _make_ports() -> Iterator[int]:
    """Those of this process's share, from any one on: another run may have the same share."""
    random = Random()  # seeded by the system
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    share = int(worker) % _SHARES if worker else random.randrange(_SHARES)
    ports = list(range(_FIRST, _LAST))[share::_SHARES]
    begin = random.randrange(len(ports))
    return itertools.cycle(ports[begin:] + ports[:begin])


_ports = _make_ports()
