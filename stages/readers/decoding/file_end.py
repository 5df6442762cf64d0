"""Whether a file ends where it says that it does, for formats whose demuxers do not tell."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067  # RFC 8794, 11.1; RFC 9559, 5.1
_SYNC = 0x47  # ISO/IEC 13818-1, 2.4.3.2
_TS_PACKETS = ((188, 0), (192, 4), (204, 0))  # bytes in all, and before the first sync byte


def lacks_bytes(path: Path, container: str) -> bool:
    """Whether a regular file of this format (a name of libavformat) is shorter than it says."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if "matroska" in container:
                return _segment_end(file) > size
            return container == "mpegts" and _ends_within_packet(file.read(2048), size)
    except OSError:  # it was there a moment ago
        return False


def _segment_end(file: BinaryIO) -> int:
    """Where the only segment of a Matroska file ends; 0 where its length is not known."""
    for expected in (_EBML, _SEGMENT):
        if int.from_bytes(file.read(4)) != expected:
            return 0
        first = file.read(1)
        width = 9 - first[0].bit_length() if first else 9
        if width > 8:
            return 0
        length = int.from_bytes(first + file.read(width - 1)) & ((1 << 7 * width) - 1)
        if length == (1 << 7 * width) - 1:  # written live
            return 0
        end = file.tell() + length
        if expected == _EBML:
            file.seek(end)
    return end


def _ends_within_packet(head: bytes, size: int) -> bool:
    for length, first in _TS_PACKETS:
        signs = head[first::length]
        if len(signs) > 3 and all(sign == _SYNC for sign in signs):
            return size % length != 0
    return False
