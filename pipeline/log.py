"""One format for the log lines of all processes, with credentials taken out."""

import sys
from typing import TYPE_CHECKING

from loguru import logger

from pipeline.redact import redact

if TYPE_CHECKING:
    from loguru import Record

_CLEAR_LINE = "\r\x1b[K"  # the supervisor's status line may stand where the cursor is


def configure(level: str, process: str) -> None:
    """Send log lines to standard error, each naming its process."""
    start = _CLEAR_LINE if sys.stderr.isatty() else ""

    def clean(record: "Record") -> None:
        record["message"] = redact(record["message"])

    logger.remove()
    logger.configure(patcher=clean, extra={"process": process})
    template = "{time:HH:mm:ss.SSS} {level: <7} {extra[process]: <16} {message}"
    logger.add(sys.stderr, level=level, format=start + template, backtrace=False, diagnose=False)
