"""What the supervisor tells processes at their start, and what they tell at their end."""

import contextlib
import json
import struct

import msgspec

from pipeline.topology import RunSpec

EXIT_CRASHED = 1  # worth another try
EXIT_REFUSED = 2  # something outside is wrong, and a restart would not mend it
EXIT_RENEWED = 3  # a service whose options have changed
EXIT_GONE = 4  # a source of which nothing can come any more

# Between supervisor and fork server, which exchange whole messages.
NUMBER = struct.Struct("=q")  # of a request
STARTED = struct.Struct("=qi")  # number of the request, process id or negative error number
READY = -1  # instead of a number, when everything is imported


class Preload(msgspec.Struct, frozen=True):
    """The first message to the fork server."""

    supervisor_pid: int
    modules: tuple[str, ...]  # to be imported before the first fork


class Orders(msgspec.Struct, frozen=True):
    """Sent through a pipe: they may hold passwords, which a command line would show."""

    run: RunSpec
    index: int  # of the process in the run
    log_level: str
    is_quiet: bool = False  # its failures were reported before, and are not worth a log line

    def encode(self) -> bytes:
        """As JSON of the standard library, which keeps names of files that are no UTF-8."""
        return json.dumps(msgspec.to_builtins(self)).encode()


def decode_orders(encoded: bytes) -> Orders:
    """Raises ValueError where the orders are not whole."""
    return msgspec.convert(json.loads(encoded), Orders, str_keys=True)


def learn_to_decode() -> None:
    """Have msgspec look at all that orders may hold; it keeps what it has found."""
    with contextlib.suppress(ValueError):
        decode_orders(b'{"run": {}, "index": 0, "log_level": ""}')
