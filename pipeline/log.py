"""One format for the log lines of all processes, and the gate for all text, without credentials."""

import os
import sys
import threading
import traceback
from types import TracebackType
from typing import TYPE_CHECKING

from loguru import logger

from pipeline.redact import redact

if TYPE_CHECKING:
    from loguru import Record

_CLEAR_LINE = "\r\x1b[K"  # the supervisor's status line may be where the cursor is
# Levels of loguru, and the priorities of syslog(3) from which on they are meant.
_ERROR = 3
_PRIORITIES = ((40, _ERROR), (30, 4), (20, 6), (0, 7))
# Text from a camera or a client may be logged: it must not steer a terminal or forge a log line.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


_configured: str | None = None  # for which level this process, or the one it is a fork of, is


def configure(level: str, process: str) -> None:
    """Send log lines to standard error, each naming its process.

    systemd's journal keeps the time itself, and takes the level from a number (sd-daemon(3)).
    """
    global _configured
    if _goes_to_journal():
        template = "<{extra[priority]}>{extra[process]: <16} {message}"
    else:
        start = _CLEAR_LINE if sys.stderr.isatty() else ""
        template = start + "{time:HH:mm:ss.SSS} {level: <7} {extra[process]: <16} {message}"
    leave()
    logger.configure(extra={"process": process}, patcher=_prepare)
    logger.add(_write, level=level, format=template, backtrace=False, diagnose=False)
    _configured = level


def take_over(level: str, process: str) -> None:
    """The same in a fork, which changes the name alone where the level is that of before.

    To configure all of it anew would write to 1.1 MiB of pages that forks have in common.
    """
    if level == _configured:
        logger.configure(extra={"process": process})
    else:
        configure(level, process)


def leave() -> None:
    """Send log lines nowhere, as before the first `configure`."""
    global _configured
    logger.remove()
    _configured = None


def say(text: str, *, end: str = "\n") -> None:
    """Print for the user on standard output, without credentials."""
    sys.stdout.write(redact(text) + end)
    sys.stdout.flush()


def say_error(text: str, *, end: str = "\n") -> None:
    """The same on standard error, for the journal as an error."""
    mark = f"<{_ERROR}>" if _goes_to_journal() else ""
    _write(mark + text.replace("\n", f"\n{mark}") + end)


def guard_crashes() -> None:
    """Take credentials out of what Python prints of an exception that nobody has caught."""
    sys.excepthook = _show_crash
    threading.excepthook = lambda crash: _show_crash(
        crash.exc_type, crash.exc_value, crash.exc_traceback
    )
    sys.unraisablehook = lambda crash: _show_crash(
        crash.exc_type, crash.exc_value, crash.exc_traceback
    )


def _show_crash(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    _write("".join(traceback.format_exception(kind, error, trace)))


def _prepare(record: "Record") -> None:
    record["message"] = record["message"].translate(_CONTROLS)
    level = record["level"].no
    record["extra"]["priority"] = next(p for least, p in _PRIORITIES if level >= least)


def _goes_to_journal() -> bool:
    """Whether standard error is the stream that systemd has named (systemd.exec(5))."""
    try:
        device, inode = map(int, os.environ["JOURNAL_STREAM"].split(":"))
        stderr = os.fstat(sys.stderr.fileno())
    except (KeyError, ValueError, OSError):
        return False
    return (stderr.st_dev, stderr.st_ino) == (device, inode)


def _write(text: str) -> None:
    """Redact the whole line, which may end with the text of an exception."""
    sys.stderr.write(redact(text))
    sys.stderr.flush()
