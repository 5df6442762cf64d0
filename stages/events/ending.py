"""The last events: those that wait to be published when the line stops, or a camera is removed.

`track` writes them when it ends, or ends a camera. Whoever sends or records events reads them at
its own end, or when the camera is gone.
"""

import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from pipeline.logger import logger
from pipeline.memory.run_dir import ending_path

FILE_NAME = "ending"

_PATIENCE_S = 0.4  # of those who read: `track` ends at the same time as they do
_LOOK_S = 0.01

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(dict[int, bytes])


def write_ending(run_dir: Path, outboxes: Mapping[int, bytes]) -> None:
    """Keep the outbox of each camera, as a whole or not at all.

    Where there is no room, or no folder any more, one error says that the last events are lost.
    """
    _try_to_write(run_dir / FILE_NAME, _ENCODER.encode(outboxes), "of the line")


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


def write_camera_ending(run_dir: Path, camera: int, outbox: bytes) -> None:
    """The same for a camera of which no more frames come."""
    _try_to_write(ending_path(run_dir, camera), outbox, "of a camera that is removed")


def read_camera_ending(run_dir: Path, camera: int) -> bytes:
    """Its outbox, for `decode_waiting`; empty if nothing of it waits."""
    path = ending_path(run_dir, camera)
    return path.read_bytes() if path.exists() else b""


def _try_to_write(path: Path, content: bytes, whose: str) -> None:
    unfinished = path.with_name(f"{path.name}.new")
    try:
        unfinished.write_bytes(content)
        unfinished.rename(path)
    except OSError as error:
        logger.error("{}: {} bytes: {}: the last events {} are lost", path, len(content),
                     error.strerror, whose)  # fmt: skip
