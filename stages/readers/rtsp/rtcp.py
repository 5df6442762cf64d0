"""RTCP (RFC 3550, section 6): what the sender reports, and what is reported to it."""

import struct
import time
from collections.abc import Callable

from stages.readers.rtsp.media_clock import unix_time_ns
from stages.readers.rtsp.rtp import RtpReceiver

_SENDER_REPORT, _RECEIVER_REPORT, _DESCRIPTION, _BYE = 200, 201, 202, 203
_HEADER = struct.Struct("!BBH").unpack_from
_SENDER = struct.Struct("!IQI").unpack_from  # SSRC, NTP time, RTP timestamp
_BLOCK = struct.Struct("!IB3sIIII")
_MOST_LOST = (1 << 23) - 1
_NAME = 1  # an item of the description: CNAME


class Reports:
    """Reads sender reports, and writes receiver reports about one track.

    Args:
        receiver: the packets that are reported about.
        on_time: called with the sender's NTP time and the RTP timestamp of the same instant.
        ssrc: the number under which this end reports.

    Attributes:
        ended: the sender has said that it sends no more.
        ahead_ns: its clock, of ours, when its last report came; None before the first one.
    """

    def __init__(
        self, receiver: RtpReceiver, on_time: Callable[[int, int], None], ssrc: int
    ) -> None:
        self.ended = False
        self.ahead_ns: int | None = None
        self._receiver = receiver
        self._on_time = on_time
        self._ssrc = ssrc
        self._last_ntp = 0
        self._last_s = 0.0
        self._expected = self._missing = 0

    def take(self, view: memoryview, at: int, stop: int) -> None:
        """RTCP packets, from `at` to `stop` in `view`. Whatever is none is passed over."""
        while stop - at >= 8:
            first, kind, words = _HEADER(view, at)
            end = at + 4 * (words + 1)
            if first >> 6 != 2 or end > stop:
                return
            if kind == _SENDER_REPORT and end - at >= 28:
                self._take_sender_report(view, at + 4)
            elif kind == _BYE and self._names_sender(view, at + 4, end, first & 31):
                self.ended = True
            at = end

    def _take_sender_report(self, view: memoryview, at: int) -> None:
        ssrc, ntp, timestamp = _SENDER(view, at)
        if ssrc == self._receiver.ssrc:
            self._last_ntp, self._last_s = ntp, time.monotonic()
            if ntp:  # 0 is unknown
                self.ahead_ns = unix_time_ns(ntp) - time.time_ns()
            self._on_time(ntp, timestamp)

    def _names_sender(self, view: memoryview, at: int, end: int, count: int) -> bool:
        leaving = [int.from_bytes(view[i : i + 4]) for i in range(at, end, 4)][:count]
        return self._receiver.ssrc is not None and self._receiver.ssrc in leaving

    def report(self) -> bytes:
        """A receiver report, with the name that RFC 3550 demands beside it."""
        block = self._block()
        head = struct.pack(
            "!BBHI", 0x80 | bool(block), _RECEIVER_REPORT, 1 + len(block) // 4, self._ssrc
        )
        name = f"{self._ssrc:08x}".encode()
        items = bytes((_NAME, len(name))) + name
        items += bytes(4 - len(items) % 4)
        sdes = struct.pack("!BBHI", 0x81, _DESCRIPTION, 1 + len(items) // 4, self._ssrc)
        return head + block + sdes + items

    def _block(self) -> bytes:
        receiver = self._receiver
        if receiver.ssrc is None:
            return b""
        expected, missing = receiver.next - receiver.first, max(receiver.missing, 0)
        step, lost = expected - self._expected, missing - self._missing
        self._expected, self._missing = expected, missing
        fraction = min(max((lost << 8) // step, 0), 255) if step > 0 else 0
        since = min(round((time.monotonic() - self._last_s) * 65536), 0xFFFFFFFF)
        return _BLOCK.pack(
            receiver.ssrc,
            fraction,
            min(missing, _MOST_LOST).to_bytes(3),
            (receiver.next - 1) & 0xFFFFFFFF,
            round(receiver.jitter) & 0xFFFFFFFF,
            self._last_ntp >> 16 & 0xFFFFFFFF,
            since if self._last_ntp else 0,
        )
