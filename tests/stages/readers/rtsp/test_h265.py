import pytest

from stages.readers.rtsp.h265 import H265Depacketizer
from stages.readers.rtsp.nal import Unit
from tests.stages.readers.rtsp.pictures import payloads_h265

START = b"\0\0\0\1"
VPS, SPS, IDR = b"\x40\x01vps", b"\x42\x01sps", b"\x26\x01\x80" + bytes(range(250))
SECOND_SLICE = b"\x02\x01\x40second"


def add(*payloads: bytes, numbered: bool = False) -> tuple[Unit, list[bool]]:
    unit, depacketizer = Unit(0), H265Depacketizer(numbered=numbered)
    return unit, [depacketizer.append(memoryview(payload), unit) for payload in payloads]


def aggregate(*nals: bytes, numbers: tuple[bytes, ...] = ()) -> bytes:
    parts = [len(nal).to_bytes(2) + nal for nal in nals]
    numbers = numbers or (b"",) * len(nals)
    return b"\x60\x01" + b"".join(n + part for n, part in zip(numbers, parts, strict=True))


def test_units_aggregates_and_fragments_become_annex_b() -> None:
    unit, fits = add(aggregate(VPS, SPS), *payloads_h265([IDR], mtu=100))
    assert bytes(unit.data) == START + VPS + START + SPS + START + IDR
    assert fits == [True] * 4
    assert (unit.pictured, unit.key, unit.whole_start) == (True, True, True)


def test_numbers_of_units_are_left_out() -> None:
    first, *others = payloads_h265([IDR], mtu=100)
    numbered = [first[:3] + b"\0\7" + first[3:], *others]
    pair = aggregate(VPS, SPS, numbers=(b"\0\1", b"\1"))
    unit, fits = add(pair, SPS[:2] + b"\0\6" + SPS[2:], *numbered, numbered=True)
    assert bytes(unit.data) == START + START.join([VPS, SPS, SPS, IDR])
    assert all(fits)
    assert unit.whole_start


def test_a_later_slice_is_no_beginning() -> None:
    unit, _ = add(SECOND_SLICE)
    assert (unit.pictured, unit.key, unit.whole_start) == (True, False, False)


@pytest.mark.parametrize(
    "payloads",
    [[b"\x62\x01\x13tail"], [b"\x62\x01\x93b", b"\x62\x01\x93b"], [b"\x62\x01\x93b", SPS],
     [b"\x64\x01paci"], [b"\x60\x01\0\x09short"], [b"\x60\x01\0\0"], [b""], [b"\x26\x01"]],
)  # fmt: skip
def test_what_does_not_fit_is_told(payloads: list[bytes]) -> None:
    _, fits = add(*payloads)
    assert not fits[-1]


@pytest.mark.parametrize(
    ("payload", "begins", "continues"),
    [(VPS, True, False), (IDR, True, False), (SECOND_SLICE, False, True),
     (aggregate(VPS, SPS), True, False), (aggregate(SECOND_SLICE), False, True),
     (b"\x62\x01\x93\x80", True, False), (b"\x62\x01\x13\x80", False, False),
     (b"\x46\x01\x50", True, False), (b"\x4e\x01x", False, False), (b"", False, False)],
)  # fmt: skip
def test_the_places_of_payloads_in_a_picture(payload: bytes, begins: bool, continues: bool) -> None:
    depacketizer = H265Depacketizer()
    assert depacketizer.begins_unit(memoryview(payload)) == begins
    assert depacketizer.continues_picture(memoryview(payload)) == continues
