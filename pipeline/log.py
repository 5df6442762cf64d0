"""One format for the log lines of all processes, with credentials taken out."""

import sys

from loguru import logger

from pipeline.redact import redact

_CLEAR_LINE = "\r\x1b[K"  # the supervisor's status line may stand where the cursor is


def configure(level: str, process: str) -> None:
    """Send log lines to standard error, each naming its process."""
    start = _CLEAR_LINE if sys.stderr.isatty() else ""
    template = "{time:HH:mm:ss.SSS} {level: <7} {extra[process]: <16} {message}"
    logger.remove()
    logger.configure(extra={"process": process})
    logger.add(_write, level=level, format=start + template, backtrace=False, diagnose=False)


def _write(text: str) -> None:
    """The whole of it is cleaned, so that the text of an exception is too."""
    sys.stderr.write(redact(text))
    sys.stderr.flush()
