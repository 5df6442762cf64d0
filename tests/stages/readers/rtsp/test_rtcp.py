"""Reports in both directions, and the clocks that they tie together."""

import struct
import time

import pytest

from stages.readers.rtsp.media_clock import MediaClock
from stages.readers.rtsp.rtcp import Reports
from stages.readers.rtsp.rtp import RtpReceiver
from tests.stages.readers.rtsp.pictures import SSRC, rtp

UNIX_S = 1_700_000_000
NTP = (UNIX_S + 2_208_988_800) << 32 | 1 << 31  # and a half


def make(*sequences: int) -> tuple[RtpReceiver, MediaClock, Reports]:
    clock = MediaClock(90_000)
    receiver = RtpReceiver(
        96, 90_000, lambda payload, timestamp, marker, gap: None, lambda: None, reorder=False
    )
    for sequence in sequences:
        packet = rtp(b"x", sequence, 9)
        receiver.take(memoryview(packet), 0, len(packet))
    return receiver, clock, Reports(receiver, clock.note_report, 7)


def take(reports: Reports, packet: bytes) -> None:
    reports.take(memoryview(packet), 0, len(packet))


def sender_report(ssrc: int, ntp: int, timestamp: int) -> bytes:
    return struct.pack("!BBHIQIII", 0x80, 200, 6, ssrc, ntp, timestamp, 0, 0)


def test_a_report_says_what_has_come_and_what_is_lost() -> None:
    _, _, reports = make(65_533, 65_534, 65_537, 65_538)
    take(reports, sender_report(SSRC, NTP, 0))
    report = reports.report()
    kind, _, own, ssrc, lost, highest = struct.unpack_from("!xBHIIII", report)
    assert (kind, own, ssrc) == (201, 7, SSRC)
    assert lost == (2 * 256 // 6) << 24 | 2
    assert highest == 65_538
    assert struct.unpack_from("!I", report, 24)[0] == NTP >> 16 & 0xFFFFFFFF
    assert report[33] == 202
    assert len(report) % 4 == 0


def test_a_report_before_the_first_packet_is_about_nothing() -> None:
    _, _, reports = make()
    assert reports.report()[:4] == b"\x80\xc9\x00\x01"


def test_the_time_of_the_camera_is_known_from_its_first_report_on() -> None:
    _, clock, reports = make(1)
    assert clock.count(0xFFFF_FF00) == 0
    assert clock.camera_time_ns(0) is None
    take(reports, sender_report(SSRC + 1, NTP, 5))  # another sender's
    assert clock.camera_time_ns(0) is None
    take(reports, sender_report(SSRC, NTP, 90_000 - 0x100))
    assert clock.camera_time_ns(90_000) == UNIX_S * 10**9 + 500_000_000
    assert clock.camera_time_ns(0) == UNIX_S * 10**9 - 500_000_000


def test_a_clock_of_the_camera_that_is_not_set_is_none() -> None:
    _, clock, reports = make(1)
    clock.count(0)
    take(reports, sender_report(SSRC, 0, 0))
    assert clock.camera_time_ns(0) is None


def test_the_clock_of_the_sender_is_compared_with_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: (UNIX_S + 90) * 10**9)
    _, _, reports = make(1)
    take(reports, sender_report(SSRC + 1, NTP, 0))  # another sender's
    take(reports, sender_report(SSRC, 0, 0))  # one that does not know it
    assert reports.ahead_ns is None
    take(reports, sender_report(SSRC, NTP, 0))
    assert reports.ahead_ns == -89_500_000_000


def test_times_after_2036_are_of_the_next_era() -> None:
    clock = MediaClock(90_000)
    clock.count(0)
    clock.note_report(5 << 32, 0)
    assert clock.camera_time_ns(0) == (2**32 + 5 - 2_208_988_800) * 10**9


def test_timestamps_go_on_past_their_end_and_back_again() -> None:
    clock = MediaClock(90_000)
    steps = [0xFFFF_FFF0, 0x10, 0xFFFF_FFF8, 0x7000_0000, 0xE000_0000, 0x20]
    assert [clock.count(step) for step in steps] == [
        0, 0x20, 8, 0x7000_0010, 0xE000_0010, 0x1_0000_0030,
    ]  # fmt: skip


def test_the_sender_of_the_video_alone_can_end_it() -> None:
    _, _, reports = make(1)
    take(reports, b"\x81\xcb\x00\x01" + bytes(4))
    take(reports, b"\x81\xcb\xff\xff" + SSRC.to_bytes(4))  # longer than it is
    assert not reports.ended
    take(reports, sender_report(SSRC, NTP, 0) + b"\x81\xcb\x00\x01" + SSRC.to_bytes(4))
    assert reports.ended
