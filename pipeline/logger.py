"""Log lines before they are written: `logger`, which every module of the line says things to.

Texts have the places of `str.format`, which is called only for lines that somebody takes:

    logger.warning("{}: no frame for {:g} s", name, silence_s)

Whoever takes lines adds a function (`Logger.add`); `pipeline.log` adds the one that writes them to
standard error. The loggers of the standard library and of loguru do far more, and what they import
for that was a sixth of a start's processor time and 4 MiB (docs/performance.md).
"""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple

DEBUG, INFO, WARNING, ERROR = LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_Exception = tuple[type[BaseException], BaseException, TracebackType | None]
_ExcInfo = _Exception | tuple[None, None, None] | None  # as `sys.exc_info` gives it


class LogLine(NamedTuple):
    """What was said, and of which exception."""

    level: str  # one of LEVELS
    text: str
    exception: _Exception | None = None


Sink = Callable[[LogLine], None]


class Logger:
    """Hands each line to all who take lines of its level."""

    def __init__(self) -> None:
        self._sinks: list[tuple[int, Sink]] = []

    def add(self, sink: Sink, level: str = DEBUG) -> None:
        """Have `sink` called with each line of this level and the graver ones."""
        # Replaced, not changed: another thread may be at a line.
        self._sinks = [*self._sinks, (LEVELS.index(level), sink)]

    def remove(self, sink: Sink) -> None:
        self._sinks = [entry for entry in self._sinks if entry[1] != sink]

    def debug(self, text: str, *values: object) -> None:
        self.log(DEBUG, text, *values)

    def info(self, text: str, *values: object) -> None:
        self.log(INFO, text, *values)

    def warning(self, text: str, *values: object) -> None:
        self.log(WARNING, text, *values)

    def error(self, text: str, *values: object) -> None:
        self.log(ERROR, text, *values)

    def log(self, level: str, text: str, *values: object, exception: _ExcInfo = None) -> None:
        """Say something at a level that is found out while running, perhaps of an exception."""
        grade = LEVELS.index(level)
        sinks = [sink for least, sink in self._sinks if grade >= least]
        if not sinks:
            return
        of_what = None if exception is None or exception[0] is None else exception
        line = LogLine(level, text.format(*values) if values else text, of_what)
        for sink in sinks:
            sink(line)

    def exception(self, text: str, *values: object, level: str = ERROR) -> None:
        """Say something of the exception that is being handled."""
        self.log(level, text, *values, exception=sys.exc_info())


logger = Logger()
