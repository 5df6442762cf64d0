"""What a camera of this machine says of itself: a few V4L2 calls, as linux/videodev2.h has them."""

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import NamedTuple, Self

_READ, _WRITE = 2, 1  # directions of a call, from the kernel's side
_CAPTURE, _CAPTURE_MPLANE = 0x1, 0x1000  # capabilities
_PER_DEVICE = 0x80000000  # the capabilities of the node itself are given, too
_BUFFER, _BUFFER_MPLANE = 1, 9  # v4l2_buf_type
_DISCRETE = 1  # a single size or interval; others are ranges
_MOST_ENTRIES = 256  # of a list; a driver that never ends it is broken

QUERYCAP = struct.Struct("=16s32s32sII4I")
FMTDESC = struct.Struct("=III32sII3I")
FRMSIZE = struct.Struct("=III6I2I")
FRMIVAL = struct.Struct("=IIIII6I2I")
FORMAT = struct.Struct("@I0P3I188x")  # its union begins where a pointer may
STREAMPARM = struct.Struct("=IIIII184x")


def request_number(direction: int, number: int, layout: struct.Struct) -> int:
    """As `_IOC` makes it, for type 'V', on x86 and ARM."""
    return direction << 30 | layout.size << 16 | ord("V") << 8 | number


VIDIOC_QUERYCAP = request_number(_READ, 0, QUERYCAP)
VIDIOC_ENUM_FMT = request_number(_READ | _WRITE, 2, FMTDESC)
VIDIOC_G_FMT = request_number(_READ | _WRITE, 4, FORMAT)
VIDIOC_G_PARM = request_number(_READ | _WRITE, 21, STREAMPARM)
VIDIOC_ENUM_FRAMESIZES = request_number(_READ | _WRITE, 74, FRMSIZE)
VIDIOC_ENUM_FRAMEINTERVALS = request_number(_READ | _WRITE, 75, FRMIVAL)


class Mode(NamedTuple):
    """How a camera sends, or is asked to send; None where it does not matter or is not known."""

    format: str | None
    size_wh: tuple[int, int] | None
    fps: float | None

    def __str__(self) -> str:
        size = "{}x{}".format(*self.size_wh) if self.size_wh else ""
        rate = f"at {self.fps:g} fps" if self.fps else ""
        return " ".join(filter(None, (self.format, size, rate)))


class SizeRange(NamedTuple):
    """The sizes that a driver makes itself; `least` and `most` are the same for a single size."""

    least: tuple[int, int]
    most: tuple[int, int]


class Device:
    """An open camera, for questions only: another program may be reading it.

    Raises:
        OSError: it is not there, may not be opened, or (ENOTTY, ENODEV) is no camera.
    """

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            driver, card, bus, _, common, own, *_ = self._ask(QUERYCAP, VIDIOC_QUERYCAP)
            caps = own if common & _PER_DEVICE else common
            if not caps & (_CAPTURE | _CAPTURE_MPLANE):
                raise OSError(errno.ENODEV, "it sends no video")
        except OSError:
            os.close(self._fd)
            raise
        self.driver, self.card, self.bus = map(_text, (driver, card, bus))
        self._buffer = _BUFFER_MPLANE if caps & _CAPTURE_MPLANE else _BUFFER

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        os.close(self._fd)

    def formats(self) -> Iterator[str]:
        for index in range(_MOST_ENTRIES):
            found = self._ask_or_end(FMTDESC, VIDIOC_ENUM_FMT, index, self._buffer)
            if found is None:
                return
            yield fourcc_name(found[4])

    def sizes(self, format: str) -> Iterator[SizeRange]:
        code = fourcc_code(format)
        for index in range(_MOST_ENTRIES):
            found = self._ask_or_end(FRMSIZE, VIDIOC_ENUM_FRAMESIZES, index, code)
            if found is None:
                return
            _, _, kind, a, b, _, c, d, *_ = found
            if kind == _DISCRETE:
                yield SizeRange((a, b), (a, b))
            else:  # the only entry: least and most width, step, least and most height, step
                yield SizeRange((a, c), (b, d))
                return

    def rates(self, format: str, size_wh: tuple[int, int]) -> list[float]:
        """Frames per second, the highest first; of a range the highest and the lowest."""
        code, found = fourcc_code(format), set[float]()
        for index in range(_MOST_ENTRIES):
            said = self._ask_or_end(FRMIVAL, VIDIOC_ENUM_FRAMEINTERVALS, index, code, *size_wh)
            if said is None:
                break
            kind, intervals = (
                said[4],
                [said[5:7]] if said[4] == _DISCRETE else [said[5:7], said[7:9]],
            )
            found |= {_rate(*interval) for interval in intervals if all(interval)}
            if kind != _DISCRETE:
                break
        return sorted(found, reverse=True)

    def mode(self) -> Mode:
        """How it sends now."""
        _, width, height, code = self._ask(FORMAT, VIDIOC_G_FMT, self._buffer)
        try:
            interval = self._ask(STREAMPARM, VIDIOC_G_PARM, self._buffer)[3:5]
        except OSError:  # not every driver has rates
            interval = (0, 0)
        rate = _rate(*interval) if all(interval) else None
        return Mode(fourcc_name(code), (width, height), rate)

    def _ask(self, layout: struct.Struct, request: int, *fields: int) -> tuple[int, ...]:
        """Make a call whose structure begins with these fields; returns all of them. OSError."""
        buffer = bytearray(layout.size)
        start = struct.Struct(f"={len(fields)}I")
        start.pack_into(buffer, 0, *fields)
        fcntl.ioctl(self._fd, request, buffer)
        return layout.unpack(buffer)

    def _ask_or_end(
        self, layout: struct.Struct, request: int, *fields: int
    ) -> tuple[int, ...] | None:
        """As `_ask`; None behind the last entry of a list, or where there is no list."""
        try:
            return self._ask(layout, request, *fields)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return None
            raise


def fourcc_name(code: int) -> str:
    return (code & 0x7FFFFFFF).to_bytes(4, "little").decode("ascii", "replace").rstrip()


def fourcc_code(name: str) -> int:
    return int.from_bytes(name.ljust(4).encode(), "little")


def _rate(numerator: int, denominator: int) -> float:
    """Of an interval in seconds; to a thousandth, as 29.970."""
    return round(float(Fraction(denominator, numerator)), 3)


def _text(field: object) -> str:
    assert isinstance(field, bytes), field
    return field.partition(b"\0")[0].decode(errors="replace")
