"""One format for the log lines of all processes, with credentials taken out."""

import sys
from typing import TYPE_CHECKING

from loguru import logger

from pipeline.redact import redact

if TYPE_CHECKING:
    from loguru import Record

_CLEAR_LINE = "\r\x1b[K"  # the supervisor's status line may stand where the cursor is
# What a camera or a client says may end up here: it shall not steer a terminal or look like a line.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


def configure(level: str, process: str) -> None:
    """Send log lines to standard error, each naming its process."""
    start = _CLEAR_LINE if sys.stderr.isatty() else ""
    template = "{time:HH:mm:ss.SSS} {level: <7} {extra[process]: <16} {message}"
    logger.remove()
    logger.configure(extra={"process": process}, patcher=_show_controls)
    logger.add(_write, level=level, format=start + template, backtrace=False, diagnose=False)


def _show_controls(record: "Record") -> None:
    record["message"] = record["message"].translate(_CONTROLS)


def _write(text: str) -> None:
    """The whole of it is cleaned, so that the text of an exception is too."""
    sys.stderr.write(redact(text))
    sys.stderr.flush()
