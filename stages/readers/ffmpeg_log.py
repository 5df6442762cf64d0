"""What FFmpeg says: nothing else tells why a stream cannot be opened, or that its size has changed.

OpenCV prints it on standard output, which no stage writes to. A process that reads streams has it
go to a pipe instead: its reader looks there, and forgets the rest.
"""

import ctypes
import os
import re
from typing import NamedTuple

_VERBOSE = "40"  # AV_LOG_VERBOSE: the H.264 decoder tells of a new size there
_WARNING = 24  # HTTP tells of a refusal there
_PIPE_BYTES = 1 << 16
_STDOUT = 1
_LINE = re.compile(r"^\[OPENCV:FFMPEG:(\d+)\] *(.*)$", re.M)
# Says what has failed to whoever knows the address already.
_CIRCUMSTANCE = re.compile(r"^(?:Connection to \S+ failed|method [A-Z]+ failed|HTTP error):? ")
_CODED_SIZE = re.compile(r"Reinit context to (\d+)x(\d+)")


class Chatter(NamedTuple):
    """What was said lately: the last error, and the last size of coded pictures."""

    error: str = ""
    coded_wh: tuple[int, int] | None = None


class FfmpegLog:
    """Takes standard output over, for the rest of the process's life."""

    def __init__(self) -> None:
        os.environ["OPENCV_FFMPEG_LOGLEVEL"] = _VERBOSE
        self._libc = ctypes.CDLL(None)
        # A full pipe loses what is said next; it never blocks the decoder.
        self._pipe, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        os.dup2(write_end, _STDOUT)
        os.close(write_end)

    def take(self) -> Chatter:
        """What was said since the last call."""
        self._libc.fflush(None)
        try:
            text = os.read(self._pipe, _PIPE_BYTES).decode(errors="replace")
        except BlockingIOError:
            return Chatter()
        return parse(text)


def parse(text: str) -> Chatter:
    """The parts of FFmpeg's lines that matter to a reader."""
    lines = [(int(level), said.strip()) for level, said in _LINE.findall(text)]
    errors = [said for level, said in lines if level <= _WARNING and said]
    sizes = [(int(w), int(h)) for w, h in _CODED_SIZE.findall(text)]
    return Chatter(
        error=_CIRCUMSTANCE.sub("", errors[-1]) if errors else "",
        coded_wh=sizes[-1] if sizes else None,
    )
