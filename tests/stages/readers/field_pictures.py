"""H.264 in field pictures (PAFF), which no encoder at hand makes: two packets for each frame."""

from fractions import Fraction
from pathlib import Path

import av

_WIDTH = 2  # macroblocks; a field is one high
_TICKS = 1800  # of 90 kHz: fifty fields a second


class _Bits:
    """Syntax elements as ITU-T H.264 names them, clauses 7.2 and 9.1."""

    def __init__(self) -> None:
        self._bits: list[int] = []

    def bits(self, count: int, value: int) -> None:
        self._bits += [value >> i & 1 for i in reversed(range(count))]

    def exp_golomb(self, *values: int) -> None:
        for value in values:
            self.bits(2 * (value + 1).bit_length() - 1, value + 1)

    def align(self) -> None:
        self._bits += [0] * (-len(self._bits) % 8)

    def unit(self, header: int) -> bytes:
        """The NAL unit, with bytes against false start codes."""
        self.bits(1, 1)
        self.align()
        text = "".join(map(str, self._bits))
        escaped, zeros = bytearray(), 0
        for byte in int(text, 2).to_bytes(len(text) // 8):
            if zeros >= 2 and byte <= 3:
                escaped.append(3)
                zeros = 0
            escaped.append(byte)
            zeros = 0 if byte else zeros + 1
        return b"\0\0\0\1" + bytes([header]) + escaped


def _parameter_sets() -> bytes:
    sps, pps = _Bits(), _Bits()
    sps.bits(24, 77 << 16 | 30)  # Main, level 3
    sps.exp_golomb(
        0, 0, 2, 1
    )  # id, 4 bits of frame_num, order of output is that of decoding, references
    sps.bits(1, 0)
    sps.exp_golomb(_WIDTH - 1, 0)
    sps.bits(5, 0b00100)  # fields allowed, direct_8x8_inference
    pps.exp_golomb(0, 0)
    pps.bits(2, 0)
    pps.exp_golomb(0, 0, 0)
    pps.bits(3, 0)
    pps.exp_golomb(0, 0, 0)
    pps.bits(3, 0)
    return sps.unit(0x67) + pps.unit(0x68)


def _field(frame: int, grey: int, *, bottom: bool) -> bytes:
    is_idr = frame == 0 and not bottom
    slice_ = _Bits()
    slice_.exp_golomb(0, 7, 0)  # from the first macroblock, all intra
    slice_.bits(4, frame % 16)
    slice_.bits(2, 0b10 | bottom)
    if is_idr:
        slice_.exp_golomb(0)
    slice_.bits(2 if is_idr else 1, 0)
    slice_.exp_golomb(0)
    for _ in range(_WIDTH):
        slice_.exp_golomb(25)  # I_PCM: the samples as they are
        slice_.align()
        for value in (grey,) * 256 + (128,) * 128:
            slice_.bits(8, value)
    return slice_.unit(0x65 if is_idr else 0x61)


def make_field_pictures(path: Path, frames: int) -> Path:
    """A transport stream of 32x32 frames, their upper field of luma 60 + i, the lower of 180."""
    coded = []
    for frame in range(frames):
        start = b"\0\0\0\1\x09\x10" + (_parameter_sets() if frame == 0 else b"")
        coded.append(start + _field(frame, 60 + frame, bottom=False))
        coded.append(b"\0\0\0\1\x09\x10" + _field(frame, 180, bottom=True))
    raw = path.with_suffix(".h264")
    raw.write_bytes(b"".join(coded))
    with av.open(str(raw)) as source, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for i, data in enumerate(coded):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 90_000)
            packet.pts = packet.dts = i * _TICKS
            packet.is_keyframe = i == 0
            output.mux(packet)
    return path
