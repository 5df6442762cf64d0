"""What the supervisor tells processes at their start, and what they tell at their end."""

import contextlib
import json
import struct
from typing import NamedTuple

import msgspec

from pipeline.redact import learn
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
    is_renewed: bool = False  # a predecessor has made way for it, and had not died

    def encode(self) -> bytes:
        """Two lines of JSON, the second of them the run."""
        head = _Head(self.index, self.log_level, self.is_quiet, self.is_renewed)
        if _known is not None and _known.original is self.run:
            text = _known.text
        else:
            text = _encode(self.run)
        return msgspec.json.encode(head) + b"\n" + text


class _Head(msgspec.Struct, frozen=True):
    """What differs from process to process."""

    index: int
    log_level: str
    is_quiet: bool
    is_renewed: bool


class _KnownRun(NamedTuple):
    text: bytes
    original: RunSpec
    decoded: RunSpec


_known: _KnownRun | None = None


def remember(run: RunSpec) -> None:
    """Have this process and its forks know a run, and what is secret in it.

    A fork that is sent the same run takes the objects that it has in common with the others. To
    decode it anew would write to half a megabyte of their pages, and to look for secrets in it to
    another half.
    """
    global _known
    text = _encode(run)
    _known = _KnownRun(text, run, _decode(text))
    learn([each.options for each in run.processes])


def decode_orders(encoded: bytes) -> Orders:
    """The orders; secrets of their run are known from here on. Raises ValueError."""
    first, _, text = encoded.partition(b"\n")
    head = msgspec.json.decode(first, type=_Head)
    if _known is not None and _known.text == text:
        run = _known.decoded
    else:
        run = _decode(text)
        learn([each.options for each in run.processes])
    return Orders(run, head.index, head.log_level, head.is_quiet, head.is_renewed)


def learn_to_decode() -> None:
    """Have msgspec look at all that orders may hold; it keeps what it has found."""
    with contextlib.suppress(ValueError):
        _decode(b"{}")


def _encode(run: RunSpec) -> bytes:
    """As JSON of the standard library, which keeps names of files that are no UTF-8."""
    return json.dumps(msgspec.to_builtins(run)).encode()


def _decode(text: bytes) -> RunSpec:
    return msgspec.convert(json.loads(text), RunSpec, str_keys=True)
