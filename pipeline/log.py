"""One format for the log lines of all processes, and the gate for all text, without credentials."""

import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import datetime
from types import TracebackType

from pipeline.logger import logger
from pipeline.redact import redact
from pipeline.shown_text import json_line, lines, one_line
from pipeline.standard_streams import (
    OutputError,
    give_up_output,
    hold_standard_streams,
    leave_closed_terminal,
    watch_output,
)

_CLEAR_LINE = "\r\x1b[K"  # the supervisor's status line may be where the cursor is
_EXIT_INTERRUPTED, _EXIT_UNREAD = 130, 141  # as shells say of SIGINT and SIGPIPE
_EXIT_UNWRITTEN = 1
_PRIORITIES = {"ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}  # of syslog(3)

_level: str | None = None  # from which on lines are written; None: none are
_process = ""  # which every line names
_start = ""  # what is before a line: what clears a status line, or nothing
_is_journal = False


def configure(level: str, process: str) -> None:
    """Send log lines to standard error, each naming its process.

    systemd's journal keeps the time itself, and takes the level from a number (sd-daemon(3)).
    """
    global _level, _process, _start, _is_journal
    leave()
    _is_journal = _goes_to_journal()
    _start = _CLEAR_LINE if not _is_journal and sys.stderr.isatty() else ""
    _level, _process = level, process
    _lines.setLevel(level)
    logger.addHandler(_lines)


def take_over(level: str, process: str) -> None:
    """The same in a fork, which changes the name alone where the level is that of before."""
    global _process
    if level == _level:
        _process = process
    else:
        configure(level, process)


def leave() -> None:
    """Send log lines nowhere, as before the first `configure`."""
    global _level
    logger.removeHandler(_lines)
    _level = None


def say(text: str, *, end: str = "\n") -> None:
    """Print for the user on standard output, without credentials.

    What is not to break a line is to be made a `one_line` before.
    """
    sys.stdout.write(redact(lines(text)) + end)
    sys.stdout.flush()


def say_json(text: str) -> None:
    """The same of one line of JSON."""
    sys.stdout.write(redact(json_line(text)) + "\n")
    sys.stdout.flush()


def say_error(text: str, *, end: str = "\n") -> None:
    """The same on standard error, for the journal as an error."""
    mark = f"<{_PRIORITIES['ERROR']}>" if _goes_to_journal() else ""
    _write(mark + lines(text).replace("\n", f"\n{mark}") + end)


def show_status(text: str) -> None:
    """Write over the line of a terminal in which the cursor is."""
    _write(_CLEAR_LINE + one_line(text))


def run_command(main: Callable[[], int]) -> int:
    """Run a command of a shell; returns its exit code.

    What is no fault of ours ends it without a traceback: Ctrl-C, a reader that has gone, and output
    that cannot be written.
    """
    hold_standard_streams()
    watch_output()
    guard_crashes()
    try:
        try:
            return main()
        finally:
            sys.stdout.flush()  # at the exit it would be too late for what follows
    except KeyboardInterrupt:
        say_error("interrupted")
        return _EXIT_INTERRUPTED
    except BrokenPipeError:  # such as `head`, which has what it wanted
        give_up_output()
        return _EXIT_UNREAD
    except OutputError as error:
        give_up_output()
        say_error(f"error: {error}")
        return _EXIT_UNWRITTEN


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
    _write(lines("".join(traceback.format_exception(kind, error, trace))))


class _Lines(logging.Handler):
    """Writes each line; its lock keeps those of threads apart."""

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{_process: <16} {one_line(record.getMessage())}\n"
        if _is_journal:
            text = f"<{_PRIORITIES[record.levelname]}>{text}"
        else:
            now = datetime.fromtimestamp(record.created)
            time = f"{now:%H:%M:%S}.{now.microsecond // 1000:03}"
            text = f"{_start}{time} {record.levelname: <7} {text}"
        if record.exc_info is not None and record.exc_info[0] is not None:
            text += lines("".join(traceback.format_exception(*record.exc_info)))
        _write(text)


_lines = _Lines()


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
    try:
        sys.stderr.write(redact(text))
        sys.stderr.flush()
    except OSError as error:
        if not leave_closed_terminal(sys.stderr.fileno(), error):
            raise
