"""Units of H.264 and H.265: behind start codes (Annex B), as cameras send them, and with lengths.

MP4 has them with lengths before them, of four bytes here.
"""

import struct

START_CODE = b"\0\0\0\1"
_LENGTH_PREFIXED = 1  # first byte of avcC and hvcC
_HVCC_HEAD, _AVCC_HEAD = 22, 5
_LENGTH_BYTES = 4
_H264_SPS, _H264_PPS, _H265_SPS = 7, 8, 33
_HIGH_PROFILES = frozenset({100, 110, 122, 144})  # whose record tells the depth, too
_LEAST_SPS = 4  # bytes, of which the last three of H.264 are profile and level


def is_annex_b(extradata: bytes) -> bool:
    """Whether packets with these parameters have start codes; see `Track.extradata`."""
    return extradata[:1] != bytes((_LENGTH_PREFIXED,))


def split(annex_b: bytes) -> list[bytes]:
    """The units, without start codes. A unit never ends in a zero, the code of the next may."""
    units = (unit.rstrip(b"\0") for unit in annex_b.split(START_CODE[1:])[1:])
    return [unit for unit in units if unit]


def with_lengths(units: list[bytes]) -> bytes:
    return b"".join(part for unit in units for part in (struct.pack(">I", len(unit)), unit))


def length_bytes(extradata: bytes, codec: str) -> int:
    """Of the lengths in packets with these parameters."""
    return (extradata[4] if codec == "h264" else extradata[21]) % 4 + 1


def widen_lengths(data: bytes, size: int) -> bytes:
    """A packet with lengths of four bytes, of one with lengths of `size` bytes."""
    if size == _LENGTH_BYTES:
        return data
    units, at = [], 0
    while at + size <= len(data):
        length = int.from_bytes(data[at : at + size])
        units.append(data[at + size : at + size + length])
        at += size + length
    return with_lengths(units)


def parameter_sets(extradata: bytes, codec: str) -> bytes:
    """The parameter sets in the form of Annex B, whichever form they have."""
    if is_annex_b(extradata):
        return extradata
    units = _avcc_units(extradata) if codec == "h264" else _hvcc_units(extradata)
    return b"".join(START_CODE + unit for unit in units)


def has_sequence(annex_b: bytes, codec: str) -> bool:
    """Whether an SPS is among the units: without one nothing is known of the pictures."""
    if codec == "h264":
        return any(unit[0] & 31 == _H264_SPS and len(unit) > _LEAST_SPS for unit in split(annex_b))
    return any(unit[0] >> 1 & 63 == _H265_SPS and len(unit) > _LEAST_SPS for unit in split(annex_b))


def h264_sets(annex_b: bytes) -> tuple[bytes, bytes]:
    """The first SPS and PPS among the units. Raises ValueError."""
    found = {unit[0] & 31: unit for unit in reversed(split(annex_b))}
    if not found.keys() >= {_H264_SPS, _H264_PPS}:
        raise ValueError("expected an SPS and a PPS")
    return found[_H264_SPS], found[_H264_PPS]


def make_avcc(sps: bytes, pps: bytes) -> bytes:
    """The decoder's configuration of pictures 4:2:0 with 8 bits (ISO/IEC 14496-15, 5.3.3.1)."""
    profile = sps[1:4]
    lists = b"".join(
        (b"\xe1", struct.pack(">H", len(sps)), sps, b"\1", struct.pack(">H", len(pps)), pps)
    )
    extension = b"\xfd\xf8\xf8\0" if profile[0] in _HIGH_PROFILES else b""
    return bytes((_LENGTH_PREFIXED, *profile, 0xFC | _LENGTH_BYTES - 1)) + lists + extension


def _avcc_units(config: bytes) -> list[bytes]:
    """ISO/IEC 14496-15, 5.3.3.1: a count in five bits, SPS; a count, PPS."""
    units: list[bytes] = []
    at = _AVCC_HEAD
    for mask in (31, 255):
        count = config[at] & mask if at < len(config) else 0
        at = _take_units(config, at + 1, count, units)
    return units


def _hvcc_units(config: bytes) -> list[bytes]:
    """ISO/IEC 14496-15, 8.3.3.1: arrays of units of one kind each."""
    units: list[bytes] = []
    at = _HVCC_HEAD + 1
    for _ in range(config[_HVCC_HEAD]):
        at = _take_units(config, at + 3, int.from_bytes(config[at + 1 : at + 3]), units)
    return units


def _take_units(config: bytes, at: int, count: int, units: list[bytes]) -> int:
    """Append so many units, each after its length; returns where the last one ends."""
    for _ in range(count):
        size = int.from_bytes(config[at : at + 2])
        units.append(config[at + 2 : at + 2 + size])
        at += 2 + size
    return at
