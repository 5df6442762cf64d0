"""FFmpeg's log: nothing else tells why a stream cannot be opened, or that its size has changed.

OpenCV prints the log on standard output, to which no stage writes. A process that reads streams
redirects standard output into a pipe, and its reader takes the lines that it needs from there.
"""

import ctypes
import os
import re
from typing import NamedTuple

_VERBOSE = "40"  # AV_LOG_VERBOSE: the level at which the H.264 decoder reports a new size
_WARNING = 24  # the level at which HTTP reports a refusal
_PIPE_BYTES = 1 << 16
_STDOUT = 1
_LINE = re.compile(r"^\[OPENCV:FFMPEG:(\d+)\] *(.*)$", re.M)
# What the reason begins with; it repeats the address.
_CIRCUMSTANCE = re.compile(r"^(?:Connection to \S+ failed|method [A-Z]+ failed|HTTP error):? ")
_CODED_SIZE = re.compile(r"Reinit context to (\d+)x(\d+)")


class LogLines(NamedTuple):
    """What the lines since the last look say: the last error, and the last size of coded frames."""

    error: str = ""
    coded_wh: tuple[int, int] | None = None


class FfmpegLog:
    """Takes standard output over, for the rest of the process's life."""

    def __init__(self) -> None:
        os.environ["OPENCV_FFMPEG_LOGLEVEL"] = _VERBOSE
        self._libc = ctypes.CDLL(None)
        # A full pipe loses the lines that follow; it never blocks the decoder.
        self._pipe, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        os.dup2(write_end, _STDOUT)
        os.close(write_end)

    def take(self) -> LogLines:
        """What was logged since the last call."""
        self._libc.fflush(None)
        try:
            text = os.read(self._pipe, _PIPE_BYTES).decode(errors="replace")
        except BlockingIOError:
            return LogLines()
        return parse(text)


def parse(text: str) -> LogLines:
    """The parts of FFmpeg's lines that matter to a reader."""
    lines = [(int(level), line.strip()) for level, line in _LINE.findall(text)]
    errors = [line for level, line in lines if level <= _WARNING and line]
    sizes = [(int(w), int(h)) for w, h in _CODED_SIZE.findall(text)]
    return LogLines(
        error=_CIRCUMSTANCE.sub("", errors[-1]) if errors else "",
        coded_wh=sizes[-1] if sizes else None,
    )
