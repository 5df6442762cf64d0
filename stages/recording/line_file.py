"""A file of JSON lines that a run writes, over all restarts of its recorder."""

import contextlib
from pathlib import Path

from loguru import logger

from stages.recording.journal import Journal
from stages.recording.recorder import Recording

_TAIL_BYTES = 1 << 20  # holds the last line of every camera many times over


class LineFile:
    """Each line is given to the kernel at once, so a kill loses no line that was counted.

    The first write replaces the file of an earlier run; `mark`, a file in the run's directory,
    tells a successor that this has been done. A write that fails ends the recording for all
    cameras.
    """

    def __init__(self, path: Path, mark: Path, recording: Recording) -> None:
        self._path, self._mark = path, mark
        self._recording = recording
        self._journal: Journal | None = None

    @property
    def has_ended(self) -> bool:
        return self._recording.has_ended()

    def write(self, lines: bytes) -> bool:
        """Write whole lines, or begin the file with none; returns whether they are in it."""
        if self.has_ended:
            return False
        try:
            self._open().append(lines)
        except OSError as error:
            self._recording.fail(error)
            with contextlib.suppress(OSError):
                self._close()
            return False
        return True

    def recover(self) -> list[bytes]:
        """The last lines that this run has written; what a kill has left unfinished is cut off.

        An error shows when the next line is written.
        """
        if not self._mark.exists():
            return []
        with contextlib.suppress(OSError):
            return _recover(self._open())
        return []

    def close(self) -> None:
        """An error is logged, unless one was before."""
        try:
            self._close()
        except OSError as error:
            if not self.has_ended:
                logger.error("{}", self._recording.describe(error))

    def _open(self) -> Journal:
        if self._journal is None:
            anew = not self._mark.exists()
            self._journal = Journal(self._path, anew=anew)
            self._mark.touch()
        return self._journal

    def _close(self) -> None:
        if self._journal is not None:
            journal, self._journal = self._journal, None
            journal.close()


def _recover(journal: Journal) -> list[bytes]:
    tail = journal.tail(_TAIL_BYTES)
    partial = len(tail) - (tail.rfind(b"\n") + 1)
    first_is_whole = journal.end <= _TAIL_BYTES
    journal.cut(journal.end - partial)
    lines = tail[: len(tail) - partial].split(b"\n")[0 if first_is_whole else 1 :]
    return [line for line in lines if line]
