"""What both recorders do when a write fails: one clear error, and the line goes on without."""

from abc import ABC, abstractmethod
from typing import ClassVar

import msgspec
from loguru import logger

from pipeline.errors import LineError
from pipeline.memory.ledger import DropReason
from pipeline.stage import BasicStage, Context, Frame


class RecorderOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`required` ends the line when the recording fails."""

    path: str
    required: bool


class Recorder(BasicStage, ABC):
    """Writes every frame until a write fails; from then on it counts frames that are not recorded.

    When the process is killed after that, its successors go on counting: a recording has no gap.
    """

    Options = RecorderOptions
    stage: ClassVar[str]  # its row in the graph
    key: ClassVar[str]  # of the configuration

    def __init__(self, options: RecorderOptions, context: Context) -> None:
        self._options = options
        self._ledger = context.ledger
        processes = context.run.processes
        self._index = next(process.index for process in processes if process.stage == self.stage)
        self._failed = self._ledger.has_given_up(self._index)

    @abstractmethod
    def record(self, frame: Frame) -> None:
        """Write one frame, unless it is written already. Raises OSError."""

    @abstractmethod
    def finish(self) -> None:
        """Close what is open. Raises OSError."""

    def process(self, frame: Frame) -> bytes:
        if not self._failed:
            try:
                self.record(frame)
            except OSError as error:
                self._fail(error)
        if self._failed and not frame.repeated:
            self._ledger.count_drop(frame.ref.camera, self._index, DropReason.NOT_RECORDED)
        return b""

    def pass_failed(self, frame: Frame) -> bytes:
        return self.process(frame)

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
        self._ledger.give_up(self._index)
        logger.error("{}: the recording ends here; the line goes on", self._describe(error))

    def _describe(self, error: OSError) -> str:
        return f"{self.key}: {error.filename or self._options.path}: {error.strerror}"
