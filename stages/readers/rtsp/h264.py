"""H.264 in RTP: RFC 6184, packetization modes 0 and 1."""

from stages.readers.decoding.h264_recovery import recovers_at_once
from stages.readers.rtsp.nal import Unit

_IDR, _SEI, _SPS, _AUD = 5, 6, 7, 9
_SLICES = frozenset((1, 2, 5))  # and partition A; B and C (3, 4) follow it
_PARTITIONS = frozenset((3, 4))
_STAP_A, _FU_A = 24, 28
_FIRST_SLICE = 0x80  # first bit after the header: `first_mb_in_slice` is 0


class H264Depacketizer:
    """Single units, aggregates (STAP-A) and fragments (FU-A)."""

    codec = "h264"

    def __init__(self) -> None:
        self._in_fragment = False

    def append(self, payload: memoryview, unit: Unit) -> bool:
        if len(payload) < 2:
            return False
        kind = payload[0] & 31
        if kind == _FU_A:
            return self._append_fragment(payload, unit)
        whole = not self._in_fragment
        self._in_fragment = False
        if kind == _STAP_A:
            return _append_aggregate(payload, unit) and whole
        if not 0 < kind < _STAP_A:
            return False  # the interleaved mode, which no camera is known to use
        unit.begin_nal(b"")
        unit.data += payload
        _note(unit, kind, payload)
        return whole

    def begins_unit(self, payload: memoryview) -> bool:
        kind, start = _first_nal(payload)
        return kind in (_SPS, _AUD) or (kind in _SLICES and start & _FIRST_SLICE != 0)

    def continues_picture(self, payload: memoryview) -> bool:
        kind, start = _first_nal(payload)
        return kind in _PARTITIONS or (kind in _SLICES and start & _FIRST_SLICE == 0)

    def reset(self) -> None:
        self._in_fragment = False

    def _append_fragment(self, payload: memoryview, unit: Unit) -> bool:
        header = payload[1]
        if header & 0x80:  # its first part
            whole = not self._in_fragment
            self._in_fragment = True
            unit.begin_nal(bytes((payload[0] & 0xE0 | header & 31,)))
            _note(unit, header & 31, payload[1:])
        elif not self._in_fragment:
            return False
        else:
            whole = True
        unit.data += payload[2:]
        if header & 0x40:  # its last part
            self._in_fragment = False
        return whole


def _first_nal(payload: memoryview) -> tuple[int, int]:
    """Type of the first unit in a payload, and its first byte after the header.

    Type 0, which no unit has, stands for a fragment that goes on, and for what is too short.
    """
    if len(payload) < 3:
        return (payload[0] & 31, 0) if len(payload) else (0, 0)
    kind = payload[0] & 31
    if kind == _FU_A:
        return (payload[1] & 31, payload[2]) if payload[1] & 0x80 else (0, 0)
    if kind == _STAP_A:
        return (payload[3] & 31, payload[4]) if len(payload) > 4 else (0, 0)
    return kind, payload[1]


def _append_aggregate(payload: memoryview, unit: Unit) -> bool:
    at, end = 1, len(payload)
    while at + 2 < end:
        size = payload[at] << 8 | payload[at + 1]
        nal = payload[at + 2 : at + 2 + size]
        if not size or len(nal) < size:
            return False
        unit.begin_nal(b"")
        unit.data += nal
        _note(unit, nal[0] & 31, nal)
        at += 2 + size
    return at == end


def _note(unit: Unit, kind: int, nal: memoryview) -> None:
    """What the unit holds now. The header of `nal` is one byte, whatever is in it."""
    if kind in _SLICES:
        if not unit.pictured:
            unit.pictured = True
            unit.whole_start = len(nal) > 1 and nal[1] & _FIRST_SLICE != 0
        if kind == _IDR:
            unit.key = True
    elif kind == _SEI:
        at_once = recovers_at_once(nal)
        unit.key = unit.key or at_once is True
        unit.begins_round = unit.begins_round or at_once is False
