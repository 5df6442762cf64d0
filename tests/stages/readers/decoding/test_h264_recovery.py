"""Which pictures of H.264 are whole without those before them."""

import struct

import pytest

from stages.readers.decoding.h264_recovery import begins_round, recovers_at_once

AT_ONCE, LATER = b"\x06\x06\x01\xc4\x80", b"\x06\x06\x01\x24\x80"
SLICE, IDR = b"\x41\x88slice", b"\x65\x88slice"


@pytest.mark.parametrize(
    ("sei", "at_once"),
    [(AT_ONCE, True), (LATER, False), (b"\x06\x05\x02xy\x06\x01\xc4\x80", True),
     (b"\x06\x05\x02xy\x06\x01\x24\x80", False), (b"\x06\xff\x05\x01x\x80", None),
     (b"\x06\x06", None), (b"\x06\x05\xff\xff\xff", None)],
)  # fmt: skip
def test_the_message_tells_whether_pictures_must_come_first(
    sei: bytes, at_once: bool | None
) -> None:
    assert recovers_at_once(memoryview(sei)) is at_once


@pytest.mark.parametrize(
    ("units", "round_begins"),
    [([LATER, SLICE], True), ([AT_ONCE, SLICE], False), ([SLICE], False),
     ([IDR, LATER], False), ([b"\x09\xf0", b"\x67sps", LATER, SLICE], True),
     ([LATER, b"\x41" + bytes(range(1, 250)) * 2], True), ([], False)],
)  # fmt: skip
def test_a_round_begins_in_either_form(units: list[bytes], round_begins: bool) -> None:
    codes = b"".join(b"\0\0\1" + unit for unit in units)
    assert begins_round(memoryview(codes), b"") is round_begins
    for size, form in ((4, "I"), (2, "H")):
        lengths = b"".join(struct.pack(f">{form}", len(unit)) + unit for unit in units)
        avcc = bytes((1, 100, 0, 30, 0xFC | size - 1))
        assert begins_round(memoryview(lengths), avcc) is round_begins


@pytest.mark.parametrize("data", [b"", b"\0\0\1", b"\0\0\0\x09\x06", b"\0\0\0\0", b"\0\0"])
def test_what_is_cut_off_begins_no_round(data: bytes) -> None:
    for extradata in (b"", b"\1\x64\0\x1e\xff"):
        assert begins_round(memoryview(data), extradata) is False
