"""A file of JSON lines that grows over all runs, with a file for each day that is over."""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from pipeline.logger import logger
from stages.recording.day_files import DayLimit, files_aside, note_aside, prune, set_aside
from stages.recording.journal import Journal
from stages.recording.recorder import Recording
from stages.services.archive.layout import NS, begin_of_day, day_of

T = TypeVar("T")
_TAIL_BYTES = 1 << 20  # holds the last line of every camera many times over
_BACK_NS = 3600 * NS  # a clock that is set back by less does not begin another day


class LineFile:
    """Each line is given to the kernel at once, so a kill loses no line that was counted.

    Nothing is ever overwritten. The first line of another day of UTC finds the file of the day
    before set aside under the name of its day. `mark`, a file in the run's directory, tells a
    successor that this run has written to the file, and which others it has set aside. A write that
    fails ends the recording for all cameras, as the removal of the file does. One that another
    program has emptied, as those do that rotate logs, goes on from there.

    Args:
        keep: how many days before are kept.
        unix_ns: the time of day.
    """

    def __init__(
        self,
        path: Path,
        mark: Path,
        recording: Recording,
        keep: DayLimit,
        unix_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._path, self._mark = path, mark
        self._recording = recording
        self._keep = keep
        self._unix_ns = unix_ns
        self._day = ""
        self._journal: Journal | None = None

    @property
    def has_ended(self) -> bool:
        return self._recording.has_ended()

    def write(self, lines: bytes) -> bool:
        """Write whole lines, or begin the file with none; returns whether they are in it."""
        if self.has_ended:
            return False
        try:
            journal = self._open_today()
            self._follow(journal)
            journal.append(lines)
        except OSError as error:
            self._recording.fail(error)
            with contextlib.suppress(OSError):
                self._close()
            return False
        return True

    def recover(self) -> list[bytes]:
        """The last lines, if this run has written any; earlier runs may have written some of them.

        What a kill has left unfinished is cut off. An error shows when the next line is written.
        """
        if not self._mark.exists():
            return []
        with contextlib.suppress(OSError):
            lines = _take_last_lines(self._open())
            for before in files_aside(self._mark)[-1:]:  # the day may have begun just now
                with contextlib.closing(Journal(before)) as journal:
                    lines = _last_lines(journal)[0] + lines
            return lines
        return []

    def close(self) -> None:
        """An error is logged, unless one was before."""
        try:
            self._close()
        except OSError as error:
            if not self.has_ended:
                logger.error("{}", self._recording.describe(error))

    def _open_today(self) -> Journal:
        journal = self._open()
        now = self._unix_ns()
        if journal.end and _is_over(self._day, now):
            self._close()
            self._set_aside()
            journal = self._open()
        self._day = day_of(now) if not journal.end else self._day
        return journal

    def _follow(self, journal: Journal) -> None:
        """Raises OSError."""
        cut = journal.follow()
        if cut:
            _take_last_lines(journal)
            logger.warning("{}: another program has cut off {} bytes; lines go on from there",
                           self._path, cut)  # fmt: skip

    def _open(self) -> Journal:
        if self._journal is None:
            self._journal = Journal(self._path)
            # Before the file is cut, which gives it the time stamp of now.
            self._day = day_of(os.fstat(self._journal.fd).st_mtime_ns)
            if not self._mark.exists():
                _take_last_lines(self._journal)
                self._prune()
                self._mark.touch()
        return self._journal

    def _set_aside(self) -> None:
        """A file that cannot get another name goes on."""
        try:
            aside = set_aside(self._path, self._day)
        except OSError as error:
            logger.warning("{}: goes on in the file of {}", self._recording.describe(error),
                           self._day)  # fmt: skip
            now = self._unix_ns()
            os.utime(self._path, ns=(now, now))
            return
        note_aside(self._mark, aside)
        self._prune()

    def _prune(self) -> None:
        try:
            prune(self._path, self._keep)
        except OSError as error:
            logger.warning("{}", self._recording.describe(error))

    def _close(self) -> None:
        if self._journal is not None:
            journal, self._journal = self._journal, None
            journal.close()


def decode_lines(lines: Iterable[bytes], kind: type[T]) -> Iterator[T]:
    """What lines hold; those of other programs are passed over."""
    decoder = msgspec.json.Decoder(kind)
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            yield decoder.decode(line)


def _is_over(day: str, now_ns: int) -> bool:
    """Whether a day is over. A clock that was wrong by years may be set back, too."""
    return day_of(now_ns) > day or now_ns < begin_of_day(day) - _BACK_NS


def _take_last_lines(journal: Journal) -> list[bytes]:
    """The last whole lines. Half a line is cut off, or else ended: it may be of another program."""
    lines, partial = _last_lines(journal)
    if partial.startswith(b"{"):
        journal.cut(journal.end - len(partial))
    elif partial:
        journal.append(b"\n")
    return lines


def _last_lines(journal: Journal) -> tuple[list[bytes], bytes]:
    """Whole lines, and what is behind the last one."""
    tail = journal.tail(_TAIL_BYTES)
    first_is_whole = journal.end <= _TAIL_BYTES
    *lines, partial = tail.split(b"\n")
    return [line for line in lines[0 if first_is_whole else 1 :] if line], partial
