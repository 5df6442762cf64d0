"""What both recorders do when a write fails: one clear error, and the line goes on without."""

from abc import abstractmethod
from typing import Any, ClassVar

import msgspec
from loguru import logger

from pipeline.errors import LineError
from pipeline.memory.counters import DropReason
from pipeline.stage import Context, Frame, In, StatefulStage


class RecorderOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`required` ends the line when the recording fails."""

    path: str
    required: bool


class Recorder(StatefulStage[In, None]):
    """Writes every frame until a write fails; from then on it counts frames that are not recorded.

    When the process is killed after that, its successors go on counting: a recording has no gap.
    """

    Options: ClassVar[type[Any]] = RecorderOptions
    key: ClassVar[str]  # of the configuration

    def __init__(self, options: RecorderOptions, context: Context) -> None:
        self._options = options
        self._counters = context.counters
        self._heartbeat = context.heartbeat
        self._failed = context.heartbeat.gave_up

    @abstractmethod
    def record(self, frame: Frame[In | None]) -> None:
        """Write one frame. Raises OSError."""

    @abstractmethod
    def finish(self) -> None:
        """Close what is open. Raises OSError."""

    def process(self, frame: Frame[In | None]) -> None:
        if not self._failed:
            try:
                self.record(frame)
            except OSError as error:
                self._fail(error)
        if self._failed:
            self._counters[frame.ref.camera].drop(DropReason.NOT_RECORDED)

    def pass_failed(self, frame: Frame[In | None]) -> None:
        self.process(frame)

    def recall(self, frame: Frame[In | None]) -> None:
        """The frame is recorded, or counted as not recorded, already."""

    def close(self) -> None:
        try:
            self.finish()
        except OSError as error:
            if not self._failed:  # else it has been logged
                logger.error("{}", self._describe(error))

    def _fail(self, error: OSError) -> None:
        if self._options.required:
            raise LineError(self._describe(error)) from None
        self._failed = True
        self._heartbeat.give_up()
        logger.error("{}: the recording ends here; the line goes on", self._describe(error))

    def _describe(self, error: OSError) -> str:
        return f"{self.key}: {error.filename or self._options.path}: {error.strerror}"
