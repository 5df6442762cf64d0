"""What all recorders do when a write fails: one clear error, and the line goes on without."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from pipeline.errors import LineError
from pipeline.logger import logger
from pipeline.memory.counters import DropReason, FrameCounters
from pipeline.stage import Context, Frame, In, StatefulStage


class RecorderOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`required` ends the line when the recording fails. Files in `kept` are never written, and
    nothing of the cameras in `paused`, nor what was captured before `recorded_since` (by camera,
    CLOCK_MONOTONIC in ns).
    """

    path: str
    required: bool
    kept: tuple[str, ...] = ()
    paused: tuple[str, ...] = ()
    recorded_since: Mapping[str, int] = {}


class Recorder(StatefulStage[In, None]):
    """Writes what it can of every frame, and counts frames of which something is not recorded."""

    Options: ClassVar[type[Any]] = RecorderOptions

    def __init__(self, context: Context) -> None:
        self._counters = context.counters
        self._cameras = context.cameras

    @abstractmethod
    def record(self, frame: Frame[In | None]) -> bool:
        """Write one frame; returns whether all of it is recorded."""

    def process(self, frame: Frame[In | None]) -> None:
        if not self.record(frame):
            self._counters[frame.ref.camera].drop(DropReason.NOT_RECORDED)

    def pass_failed(self, frame: Frame[In | None]) -> None:
        self.process(frame)

    def pass_idle(self, frame: Frame[In | None]) -> None:
        self.process(frame)

    def recall(self, frame: Frame[In | None]) -> None:
        """The frame is recorded, or counted as not recorded, already."""


class Recording:
    """What one key of the configuration records, until a write fails.

    When the process is killed after that, its successors write no more either: a recording has no
    gap.

    Args:
        counters: of the recorder, by camera.
        number: of the recording among those of the recorder.
    """

    def __init__(
        self,
        key: str,
        path: str,
        counters: Sequence[FrameCounters],
        *,
        required: bool,
        number: int = 0,
    ) -> None:
        self._key, self._path = key, path
        self._counters = counters
        self._required, self._number = required, number

    def has_ended(self, camera: int = 0) -> bool:
        return bool(self._counters[camera].gave_up >> self._number & 1)

    def fail(self, error: OSError, camera: int | None = None) -> None:
        """End it for one camera, or for all. Raises LineError where it is required."""
        if self._required:
            raise LineError(self.describe(error)) from None
        for counters in self._counters if camera is None else [self._counters[camera]]:
            counters.give_up(self._number)
        logger.error("{}: the recording ends here; the line goes on", self.describe(error))

    def describe(self, error: OSError) -> str:
        return f"{self._key}: {error.filename or self._path}: {error.strerror}"
