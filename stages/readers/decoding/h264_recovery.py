"""Where decoding of H.264 may begin besides at an IDR picture: ITU-T H.264, D.2.8."""

from collections.abc import Iterator

_IDR, _SEI = 5, 6  # types of units
_RECOVERY_POINT = 6  # type of an SEI message
_START_CODE = b"\0\0\1"
_LENGTH_PREFIXED = 1  # first byte of avcC


def recovers_at_once(sei: memoryview) -> bool | None:
    """Whether the picture of an SEI unit is whole without those before it; None: it tells nothing.

    The message says after how many pictures that is so. Encoders that refresh a stripe of each
    picture, and send no IDR picture, tell where a round begins: there it is not so at once.
    """
    at, end = 1, len(sei)
    while at + 2 < end and sei[at] != 0x80:
        kind, at = _variable(sei, at)
        size, at = _variable(sei, at)
        if kind == _RECOVERY_POINT:
            return sei[at] & 0x80 != 0 if at < end else None  # a first bit of 1 says: none
        at += size
    return None


def begins_round(data: memoryview, extradata: bytes) -> bool:
    """Whether a coded picture is whole only some pictures later, as a round of refresh begins.

    Args:
        data: the picture, in the form that the extradata of its stream tell.
    """
    for unit in _units(data, extradata):
        kind = unit[0] & 31
        if kind == _IDR:
            return False
        if kind == _SEI and recovers_at_once(unit) is False:
            return True
    return False


def _units(data: memoryview, extradata: bytes) -> Iterator[memoryview]:
    """The units, each up to the next one; of Annex B perhaps with a zero behind it."""
    if extradata[:1] == bytes((_LENGTH_PREFIXED,)) and len(extradata) > 4:
        size, at = extradata[4] % 4 + 1, 0
        while at + size < len(data):
            begin = at + size
            at = begin + int.from_bytes(data[at:begin])
            if at > begin:
                yield data[begin:at]
        return
    whole = bytes(data)
    begin = whole.find(_START_CODE)
    while 0 <= begin < len(whole) - 3:
        end = whole.find(_START_CODE, begin + 3)
        yield data[begin + 3 : end if end > 0 else len(whole)]
        begin = end


def _variable(sei: memoryview, at: int) -> tuple[int, int]:
    """A number in the form of SEI messages, and where it ends."""
    value = 0
    while at < len(sei):
        value += sei[at]
        at += 1
        if sei[at - 1] != 255:
            break
    return value, at
