"""H.265 in RTP: RFC 7798."""

from stages.readers.rtsp.nal import Unit

_SLICES = range(32)
_IRAP = range(16, 24)  # IDR, CRA and BLA: decoding may begin here
_VPS, _SPS, _AUD = 32, 33, 35
_AGGREGATE, _FRAGMENT = 48, 49
_LAST_NAL = 47  # types above are those of RTP
_FIRST_SLICE = 0x80  # first bit after the header: `first_slice_segment_in_pic_flag`
_HEADER_BYTES = 2


class H265Depacketizer:
    """Single units, aggregates (AP) and fragments (FU).

    Args:
        numbered: units carry their order of decoding (`sprop-max-don-diff` above 0). It is passed
            over: units are decoded in the order in which they were sent.
    """

    codec = "hevc"

    def __init__(self, *, numbered: bool = False) -> None:
        self._number_bytes = 2 if numbered else 0
        self._in_fragment = False

    def append(self, payload: memoryview, unit: Unit) -> bool:
        if len(payload) < _HEADER_BYTES + 1 + self._number_bytes:
            return False
        kind = payload[0] >> 1 & 63
        if kind == _FRAGMENT:
            return self._append_fragment(payload, unit)
        whole = not self._in_fragment
        self._in_fragment = False
        if kind == _AGGREGATE:
            return self._append_aggregate(payload, unit) and whole
        if kind > _LAST_NAL:
            return False
        unit.begin_nal(bytes(payload[:_HEADER_BYTES]))
        unit.data += payload[_HEADER_BYTES + self._number_bytes :]
        _note(unit, kind, payload[_HEADER_BYTES + self._number_bytes])
        return whole

    def begins_unit(self, payload: memoryview) -> bool:
        kind, start = self._first_nal(payload)
        return kind in (_VPS, _SPS, _AUD) or (kind in _SLICES and start & _FIRST_SLICE != 0)

    def continues_picture(self, payload: memoryview) -> bool:
        kind, start = self._first_nal(payload)
        return kind in _SLICES and start & _FIRST_SLICE == 0

    def reset(self) -> None:
        self._in_fragment = False

    def _append_fragment(self, payload: memoryview, unit: Unit) -> bool:
        header = payload[2]
        at = _HEADER_BYTES + 1
        if header & 0x80:  # its first part, which alone has a number
            at += self._number_bytes
            whole = not self._in_fragment
            self._in_fragment = True
            kind = header & 63
            unit.begin_nal(bytes((payload[0] & 0x81 | kind << 1, payload[1])))
            _note(unit, kind, payload[at] if at < len(payload) else 0)
        elif not self._in_fragment:
            return False
        else:
            whole = True
        unit.data += payload[at:]
        if header & 0x40:  # its last part
            self._in_fragment = False
        return whole

    def _append_aggregate(self, payload: memoryview, unit: Unit) -> bool:
        at, end = _HEADER_BYTES + self._number_bytes, len(payload)
        while at + 2 < end:
            size = payload[at] << 8 | payload[at + 1]
            nal = payload[at + 2 : at + 2 + size]
            if size <= _HEADER_BYTES or len(nal) < size:
                return False
            unit.begin_nal(b"")
            unit.data += nal
            _note(unit, nal[0] >> 1 & 63, nal[_HEADER_BYTES])
            at += 2 + size
            if self._number_bytes and at < end:
                at += 1  # of later units the difference of the number, in one byte
        return at == end

    def _first_nal(self, payload: memoryview) -> tuple[int, int]:
        """Type of the first unit in a payload, and its first byte after the header.

        Type 63, which no unit has, stands for a fragment that goes on, and for what is too short.
        """
        kind, at = payload[0] >> 1 & 63 if len(payload) else 63, _HEADER_BYTES + self._number_bytes
        if kind == _FRAGMENT:
            at += 1
            if len(payload) <= at or not payload[2] & 0x80:
                return 63, 0
            kind = payload[2] & 63
        elif kind == _AGGREGATE:
            at += 2 + _HEADER_BYTES
            if len(payload) <= at:
                return 63, 0
            kind = payload[at - _HEADER_BYTES] >> 1 & 63
        return (kind, payload[at]) if len(payload) > at else (63, 0)


def _note(unit: Unit, kind: int, start: int) -> None:
    """What the unit holds now; `start` is the first byte of a part after its header."""
    if kind in _SLICES:
        if not unit.pictured:
            unit.pictured = True
            unit.whole_start = start & _FIRST_SLICE != 0
        if kind in _IRAP:
            unit.key = True
