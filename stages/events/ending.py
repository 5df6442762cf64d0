"""The last events of all cameras: those that wait to be published when the line stops.

`track` writes them when it ends, and whoever sends or records events reads them at its own end.
"""

import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

FILE_NAME = "ending"

_PATIENCE_S = 0.4  # of those who read: `track` ends at the same time as they do
_LOOK_S = 0.01

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(dict[int, bytes])


def write_ending(run_dir: Path, outboxes: Mapping[int, bytes]) -> None:
    """Keep the outbox of each camera, as a whole or not at all."""
    unfinished = run_dir / f"{FILE_NAME}.new"
    unfinished.write_bytes(_ENCODER.encode(outboxes))
    unfinished.rename(run_dir / FILE_NAME)


def forget_ending(run_dir: Path) -> None:
    """The process that wrote it was started again, so the line goes on."""
    (run_dir / FILE_NAME).unlink(missing_ok=True)


def read_ending(run_dir: Path) -> dict[int, bytes]:
    """The outbox of each camera, for `stages.events.outbox.decode_waiting`.

    Waits for it for a moment. Empty if `track` was killed before it could write it.
    """
    path = run_dir / FILE_NAME
    deadline_s = time.monotonic() + _PATIENCE_S
    while not path.exists():
        if time.monotonic() > deadline_s:
            return {}
        time.sleep(_LOOK_S)
    return _DECODER.decode(path.read_bytes())
