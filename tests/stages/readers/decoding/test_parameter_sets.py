"""Parameter sets before a picture, and nothing of the picture."""

from stages.readers.decoding.parameter_sets import leading_sets

SPS, PPS, SEI, IDR = b"\x67\x64\0\x0d\xac", b"\x68\xeb\xe3", b"\x06\x05\x10", b"\x65\x88\x84"
VPS, SPS265, PPS265, IDR265 = b"\x40\1\x0c", b"\x42\1\1", b"\x44\1\xc1", b"\x26\1\xaf"
LONG, SHORT = b"\0\0\0\1", b"\0\0\1"


def test_both_kinds_of_start_codes_are_understood() -> None:
    for code in (LONG, SHORT):
        unit = code + SPS + code + PPS + code + SEI + code + IDR + bytes(99)
        assert leading_sets(memoryview(unit), "h264") == LONG + SPS + LONG + PPS


def test_what_follows_the_picture_is_not_looked_at() -> None:
    unit = LONG + IDR + LONG + SPS
    assert leading_sets(memoryview(unit), "h264") == b""


def test_those_of_h265() -> None:
    unit = LONG + VPS + LONG + SPS265 + SHORT + PPS265 + LONG + IDR265 + LONG + VPS
    assert leading_sets(memoryview(unit), "hevc") == LONG + VPS + LONG + SPS265 + LONG + PPS265


def test_nonsense_has_none() -> None:
    for unit in (b"", b"\0", b"\0\0\1", b"\0\0\1\0\0\1", b"abc", LONG):
        for codec in ("h264", "hevc"):
            assert leading_sets(memoryview(unit), codec) == b""
