"""What both recorders do when a write fails: one clear error, and the line goes on without."""

import contextlib
from abc import abstractmethod
from typing import Any, ClassVar

import msgspec
from loguru import logger

from pipeline.errors import LineError
from pipeline.memory.counters import DropReason
from pipeline.stage import Context, Frame, In, StatefulStage


class RecorderOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`required` ends the line when the recording fails. Files in `kept` are never written."""

    path: str
    required: bool
    kept: tuple[str, ...] = ()


class Recorder(StatefulStage[In, None]):
    """Writes every frame until a write fails; from then on it counts frames that are not recorded.

    A failure ends the recording of those cameras alone whose file it is. When the process is killed
    after that, its successors go on counting: a recording has no gap.
    """

    Options: ClassVar[type[Any]] = RecorderOptions
    key: ClassVar[str]  # of the configuration
    is_shared: ClassVar[bool] = False  # one file for all cameras

    def __init__(self, options: RecorderOptions, context: Context) -> None:
        self._options = options
        self._counters = context.counters
        self._cameras = context.run.cameras

    @abstractmethod
    def record(self, frame: Frame[In | None]) -> None:
        """Write one frame. Raises OSError."""

    @abstractmethod
    def finish(self, camera: str) -> None:
        """Close what is open for a camera. Raises OSError."""

    def process(self, frame: Frame[In | None]) -> None:
        counters = self._counters[frame.ref.camera]
        if not counters.gave_up:
            try:
                self.record(frame)
            except OSError as error:
                self._fail(frame.ref.camera, error)
        if counters.gave_up:
            counters.drop(DropReason.NOT_RECORDED)

    def pass_failed(self, frame: Frame[In | None]) -> None:
        self.process(frame)

    def recall(self, frame: Frame[In | None]) -> None:
        """The frame is recorded, or counted as not recorded, already."""

    def close(self) -> None:
        """Each file for itself: one that cannot be finished hinders no other."""
        for camera, counters in zip(self._cameras, self._counters, strict=True):
            try:
                self.finish(camera)
            except OSError as error:
                if not counters.gave_up:  # else it has been logged
                    logger.error("{}", self._describe(error))

    def _fail(self, camera: int, error: OSError) -> None:
        if self._options.required:
            raise LineError(self._describe(error)) from None
        for counters in self._counters if self.is_shared else [self._counters[camera]]:
            counters.give_up()
        with contextlib.suppress(OSError):
            self.finish(self._cameras[camera])
        logger.error("{}: the recording ends here; the line goes on", self._describe(error))

    def _describe(self, error: OSError) -> str:
        return f"{self.key}: {error.filename or self._options.path}: {error.strerror}"
