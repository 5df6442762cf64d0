"""The state of a running line, for whoever started it."""

import os
import shutil
import sys
import time

from pipeline.log import show_status
from pipeline.logger import logger
from pipeline.memory.report import Report

STATUS_EVERY_S = 1.0
LOG_STATUS_EVERY_S = 10.0
LOG_STATUS_COLUMNS = 500


class StatusLine:
    """Shows the state of the line: rewritten in place on a terminal, now and then in a log."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._tty = sys.stderr.isatty()
        self._every_s = STATUS_EVERY_S if self._tty else LOG_STATUS_EVERY_S
        self._next_s = time.monotonic() + self._every_s

    def __call__(self) -> None:
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + self._every_s
        if self._tty:
            show_status(self._report.status_line(terminal_columns() - 1))
        else:
            logger.info("{}", self._report.status_line(LOG_STATUS_COLUMNS))


def terminal_columns() -> int:
    """Of the terminal that is standard error, as wide as it is now; at least 2."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        columns = 0
    return max(columns or shutil.get_terminal_size().columns, 2)
