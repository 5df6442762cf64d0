"""What FFmpeg says: why a stream cannot be opened stands nowhere else.

OpenCV prints it on standard output, which no stage writes to. A process that reads streams has it
go to a pipe instead: who fails to open looks there, and otherwise it is forgotten.
"""

import ctypes
import os
import re

_ERRORS = "16"  # AV_LOG_ERROR
_PIPE_BYTES = 1 << 16
_STDOUT = 1
_LINE = re.compile(r"^\[OPENCV:FFMPEG:\d+\] *(.*)$", re.M)
# Says what has failed to whoever knows the address already.
_CIRCUMSTANCE = re.compile(r"^(?:Connection to \S+ failed|method [A-Z]+ failed|HTTP error):? ")


class FfmpegLog:
    """Takes standard output over, for the rest of the process's life."""

    def __init__(self) -> None:
        os.environ["OPENCV_FFMPEG_LOGLEVEL"] = _ERRORS
        self._libc = ctypes.CDLL(None)
        # A full pipe loses what is said next; it never blocks the decoder.
        self._pipe, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        os.dup2(write_end, _STDOUT)
        os.close(write_end)

    def take(self) -> str:
        """The last error since the last call, or nothing."""
        self._libc.fflush(None)
        try:
            text = os.read(self._pipe, _PIPE_BYTES).decode(errors="replace")
        except BlockingIOError:
            return ""
        return last_error(text)


def last_error(text: str) -> str:
    """The reason in FFmpeg's last line."""
    lines = [line.strip() for line in _LINE.findall(text) if line.strip()]
    return _CIRCUMSTANCE.sub("", lines[-1]) if lines else ""
