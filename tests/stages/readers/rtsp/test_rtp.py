"""Sequence numbers, and what stands around the payload."""

import pytest

from stages.readers.rtsp import rtp as rtp_module
from stages.readers.rtsp.rtp import RtpReceiver
from tests.stages.readers.rtsp.pictures import SSRC, rtp


class Received:
    """A receiver and what it has handed on: payloads, with ! after a gap."""

    def __init__(self, *, reorder: bool = False) -> None:
        self.payloads: list[str] = []
        self.restarts = 0
        self.receiver = RtpReceiver(96, 90_000, self._take, self._restart, reorder=reorder)

    def _take(self, payload: memoryview, timestamp: int, marker: bool, gap: bool) -> None:
        self.payloads.append(bytes(payload).decode() + "!" * gap)

    def _restart(self) -> None:
        self.restarts += 1

    def take(self, *sequences: int, ssrc: int = SSRC) -> "Received":
        for sequence in sequences:
            self.packet(rtp(str(sequence & 0xFFFF).encode(), sequence, 9, ssrc=ssrc))
        return self

    def packet(self, packet: bytes) -> None:
        self.receiver.take(memoryview(packet), 0, len(packet))


def test_the_counter_goes_on_past_its_end() -> None:
    received = Received().take(65_534, 65_535, 65_536, 65_538)
    assert received.payloads == ["65534", "65535", "0", "2!"]
    assert (received.receiver.lost, received.receiver.missing) == (1, 1)


def test_over_tcp_a_counter_that_goes_back_has_begun_anew() -> None:
    received = Received().take(100, 101, 50, 51)
    assert received.payloads == ["100", "101", "50", "51"]
    assert (received.restarts, received.receiver.lost, received.receiver.missing) == (1, 0, 0)


def test_over_udp_late_packets_are_put_in_order_and_second_ones_left_out() -> None:
    received = Received(reorder=True).take(1, 3, 4, 2, 2, 5, 7, 6)
    assert received.payloads == ["1", "2", "3", "4", "5", "6", "7"]
    assert received.receiver.lost == 0
    assert received.receiver.hold_s is None


def test_over_udp_a_missing_packet_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    received = Received(reorder=True).take(1, 3, 4, 6)
    received.receiver.release()
    assert received.payloads == ["1"]
    monkeypatch.setattr(rtp_module, "_HOLD_S", 0.0)
    received.receiver.release()
    received.receiver.release()
    received.take(2, 5, 7)
    assert received.payloads == ["1", "3!", "4", "6!", "7"]
    assert received.receiver.lost == 2


def test_over_udp_no_more_than_some_packets_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtp_module, "_HOLD_PACKETS", 5)
    received = Received(reorder=True).take(1, *range(3, 9))
    assert received.payloads == ["1", "3!", *"45678"]


def test_over_udp_a_counter_that_has_begun_anew_is_believed_at_its_second_packet() -> None:
    received = Received(reorder=True).take(40_000, 40_001, 7, 40_002, 8, 9, 10)
    assert received.payloads == ["40000", "40001", "40002", "8", "9", "10"]
    assert (received.restarts, received.receiver.lost) == (1, 0)


def test_over_udp_late_packets_in_a_row_are_no_new_beginning() -> None:
    received = Received(reorder=True).take(*range(40, 50), 41, 42, 43, 50)
    assert received.payloads == [str(number) for number in range(40, 51)]


def test_over_udp_another_sender_is_believed_at_its_second_packet() -> None:
    received = Received(reorder=True).take(5).take(900, ssrc=1).take(6).take(901, 902, ssrc=1)
    assert received.payloads == ["5", "6", "901", "902"]
    assert received.restarts == 1


@pytest.mark.parametrize(
    "packet",
    [
        bytes((0xB2, 96)) + rtp(b"", 1, 9)[2:] + b"sourcetwo"[:8] + b"\xbe\xde\0\1extn" + b"x\0\2",
        bytes((0xA0, 96)) + rtp(b"x\1", 1, 9)[2:],
    ],
)
def test_what_stands_around_a_payload_is_left_out(packet: bytes) -> None:
    received = Received()
    received.packet(packet)
    assert received.payloads == ["x"]


@pytest.mark.parametrize(
    "packet",
    [b"", b"\x80", rtp(b"x", 1, 9)[:11], b"\x40" + rtp(b"x", 1, 9)[1:],
     rtp(b"x", 1, 9, payload_type=97), bytes((0x80, 200, 0, 6)) + bytes(24)],
)  # fmt: skip
def test_other_packets_are_passed_over(packet: bytes) -> None:
    received = Received()
    received.packet(packet)
    assert received.payloads == []
    assert received.receiver.received == 0


@pytest.mark.parametrize("packet", [
    bytes((0xA0, 96)) + rtp(b"x\xff", 1, 9)[2:],  # more padding than there is
    bytes((0x8F, 96)) + rtp(b"x", 1, 9)[2:],  # more sources
    bytes((0x90, 96)) + rtp(b"\0\0\xff\xff", 1, 9)[2:],  # a longer extension
])  # fmt: skip
def test_headers_that_promise_too_much_leave_nothing(packet: bytes) -> None:
    received = Received()
    received.packet(packet)
    assert received.payloads == [""]
