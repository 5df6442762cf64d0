"""Parameter sets of H.264 and H.265 among the coded pictures: what a decoder must know first."""

from collections.abc import Iterator

_START = b"\0\0\1"
_H264_SETS = frozenset({7, 8, 13})  # SPS, PPS, extension of the SPS: H.264, table 7-1
_H265_SETS = frozenset({32, 33, 34})  # VPS, SPS, PPS: H.265, table 7-1
_LAST_H264_SLICE, _LAST_H265_SLICE = 5, 31


def leading_sets(unit: memoryview, codec: str) -> bytes:
    """The parameter sets before the picture in a unit of Annex B; nothing if it has none."""
    is_h264 = codec == "h264"
    wanted, last_slice = (
        (_H264_SETS, _LAST_H264_SLICE) if is_h264 else (_H265_SETS, _LAST_H265_SLICE)
    )
    found = []
    for nal in _nals(unit):
        kind = nal[0] & 31 if is_h264 else nal[0] >> 1 & 63
        if 0 < kind <= last_slice or (not is_h264 and kind == 0):
            break  # the picture itself, which may be long
        if kind in wanted:
            found.append(b"\0" + _START + nal)
    return b"".join(found)


def _nals(unit: memoryview) -> Iterator[bytes]:
    """Each without its start code, looked for one by one."""
    data = bytes(unit)
    at = data.find(_START)
    while at >= 0:
        at += len(_START)
        end = data.find(_START, at)
        nal = data[at:end] if end >= 0 else data[at:]
        if nal:
            yield nal.rstrip(b"\0") or nal
        at = end
