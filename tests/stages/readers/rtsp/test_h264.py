import pytest

from stages.readers.rtsp.h264 import H264Depacketizer
from stages.readers.rtsp.nal import Unit
from tests.stages.readers.rtsp.pictures import payloads_h264

START = b"\0\0\0\1"
SPS, PPS, IDR = b"\x67sps", b"\x68pps", b"\x65\x88" + bytes(range(250))
SECOND_SLICE = b"\x41\x40second"


def add(*payloads: bytes) -> tuple[Unit, list[bool]]:
    unit, depacketizer = Unit(0), H264Depacketizer()
    return unit, [depacketizer.append(memoryview(payload), unit) for payload in payloads]


def aggregate(*nals: bytes) -> bytes:
    return b"\x78" + b"".join(len(nal).to_bytes(2) + nal for nal in nals)


def test_units_aggregates_and_fragments_become_annex_b() -> None:
    unit, fits = add(aggregate(SPS, PPS), *payloads_h264([IDR], mtu=100))
    assert bytes(unit.data) == START + SPS + START + PPS + START + IDR
    assert fits == [True] * 4
    assert (unit.pictured, unit.key, unit.whole_start) == (True, True, True)


def test_parameter_sets_alone_are_no_picture() -> None:
    unit, _ = add(SPS, aggregate(PPS, b"\x06\x05x"))
    assert not unit.pictured


def test_a_later_slice_is_no_beginning() -> None:
    unit, _ = add(SECOND_SLICE)
    assert (unit.pictured, unit.key, unit.whole_start) == (True, False, False)


@pytest.mark.parametrize(
    ("sei", "key"),
    [(b"\x06\x06\x01\xc4\x80", True), (b"\x06\x06\x01\x24\x80", False),
     (b"\x06\x05\x02xy\x06\x01\xc4\x80", True), (b"\x06\xff\x05\x01x\x80", False),
     (b"\x06\x06", False), (b"\x06\x05\xff\xff\xff", False)],
)  # fmt: skip
def test_a_recovery_point_without_delay_is_a_key_frame(sei: bytes, key: bool) -> None:
    unit, _ = add(sei, b"\x41\x88slice")
    assert unit.key == key


def test_a_picture_that_begins_a_round_of_refresh_is_no_key_frame() -> None:
    unit, _ = add(b"\x06\x06\x01\x24\x80", b"\x41\x88slice")
    assert (unit.begins_round, unit.key) == (True, False)


@pytest.mark.parametrize(
    "payloads",
    [[b"\x7c\x05tail"], [b"\x7c\x85begin", b"\x7c\x85begin"], [b"\x7c\x85begin", SPS], [b"\x7d\0"],
     [b"\x78\0\x09short"], [b"\x78\0\0"], [b""], [b"\x65"], [b"\x1f\0"]],
)  # fmt: skip
def test_what_does_not_fit_is_told(payloads: list[bytes]) -> None:
    _, fits = add(*payloads)
    assert not fits[-1]


@pytest.mark.parametrize(
    ("payload", "begins", "continues"),
    [(SPS, True, False), (IDR, True, False), (SECOND_SLICE, False, True),
     (aggregate(SPS, PPS), True, False), (aggregate(SECOND_SLICE), False, True),
     (b"\x7c\x85\x88", True, False), (b"\x7c\x05\x88", False, False),
     (b"\x09\xf0", True, False), (b"\x06\x05x", False, False), (b"", False, False)],
)  # fmt: skip
def test_the_places_of_payloads_in_a_picture(payload: bytes, begins: bool, continues: bool) -> None:
    depacketizer = H264Depacketizer()
    assert depacketizer.begins_unit(memoryview(payload)) == begins
    assert depacketizer.continues_picture(memoryview(payload)) == continues
