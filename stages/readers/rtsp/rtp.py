"""RTP packets (RFC 3550): put in order, checked for losses, and stripped of their headers."""

import struct
import time
from collections.abc import Callable
from typing import Protocol

_HEADER = struct.Struct("!BBHII").unpack_from
_HEADER_BYTES = 12
_VERSION = 2
_DROPOUT = 3_000  # RFC 3550, appendix A.1: a longer step is none, the sender has begun anew
_LATE = 0x10000 - 512  # as a step: a packet that comes after it was given up, or a second time
_HOLD_S = 0.1  # how long a missing UDP packet is waited for; in a local network it takes 10 ms
_HOLD_PACKETS = 512
_RTCP = range(192, 224)  # second byte of RTCP on the same channel (RFC 5761)


class OnPayload(Protocol):
    """What a packet holds; `gap` tells that packets before it are missing."""

    def __call__(self, payload: memoryview, timestamp: int, marker: bool, gap: bool) -> None: ...


class RtpReceiver:
    """Receives the packets of one track.

    Over TCP they come in order, so what is missing is lost. Over UDP (`reorder`) later ones are
    held for up to 0.1 s until the missing one comes, or is given up as lost.

    Args:
        payload_type: number of the coding by the description; other packets are passed over.
        clock_hz: of the timestamps.
        on_payload: gets what is in each packet; it must copy what it keeps.
        on_restart: called when the sender has begun anew, so that timestamps have no relation to
            those before.
    """

    def __init__(
        self,
        payload_type: int,
        clock_hz: int,
        on_payload: OnPayload,
        on_restart: Callable[[], None],
        *,
        reorder: bool,
    ) -> None:
        self.received = 0  # packets of the sender, in order or not
        self.lost = 0
        self.ssrc: int | None = None
        self.first = self.next = 0  # sequence numbers, counted on past 65535
        self.jitter = 0.0  # in ticks of the clock: RFC 3550, appendix A.8
        self._payload_type = payload_type
        self._clock_hz = clock_hz
        self._on_payload, self._on_restart = on_payload, on_restart
        self._reorder = reorder
        self._held: dict[int, tuple[bytes, int, int]] = {}
        self._held_since_s = 0.0
        self._suspect: tuple[int, int] | None = None  # of a sender that may have begun anew
        self._received_before = 0  # packets before the sender began anew
        self._timestamp: int | None = None
        self._transit = 0

    @property
    def missing(self) -> int:
        """Packets that have not come since the sender began; below 0 if some came twice."""
        return self.next - self.first - (self.received - self._received_before)

    @property
    def hold_s(self) -> float | None:
        """Seconds until `release` has something to do; None if nothing is held."""
        if not self._held:
            return None
        return max(self._held_since_s + _HOLD_S - time.monotonic(), 0.0)

    def take(self, view: memoryview, at: int, stop: int) -> None:
        """A packet, from `at` to `stop` in `view`. Whatever is none is passed over."""
        if stop - at < _HEADER_BYTES:
            return
        first, second, sequence, timestamp, ssrc = _HEADER(view, at)
        if first >> 6 != _VERSION:
            return
        if second & 127 != self._payload_type and (ssrc != self.ssrc or second in _RTCP):
            return
        at += _HEADER_BYTES
        if first & 63:
            at, stop = _payload_bounds(view, at, stop, first)
        if ssrc != self.ssrc and not self._is_new_sender(ssrc, sequence):
            return
        self.received += 1
        step = (sequence - self.next) & 0xFFFF
        if step:
            self._take_irregular(view[at:stop], sequence, timestamp, second)
            return
        self.next += 1
        if timestamp != self._timestamp:
            self._measure_jitter(timestamp)
        if second & 127 == self._payload_type:
            self._on_payload(view[at:stop], timestamp, second > 127, False)
        if self._held:
            self._release_held()

    def release(self) -> None:
        """Give up what has been missing for too long."""
        if self.hold_s == 0.0 or len(self._held) > _HOLD_PACKETS:
            self._give_up()

    def _is_new_sender(self, ssrc: int, sequence: int) -> bool:
        """Whether this packet, of a sender unknown so far, is to be followed from now on.

        Over UDP anybody may send packets, so only the second in a row is believed.
        """
        if self.ssrc is None:
            self.first = self.next = sequence
        elif self._reorder and self._suspect != (ssrc, sequence):
            self._suspect = (ssrc, (sequence + 1) & 0xFFFF)
            return False
        else:
            self._begin_anew(sequence, self.received)
        self.ssrc = ssrc
        return True

    def _begin_anew(self, sequence: int, received_before: int) -> None:
        self._held.clear()
        self._suspect = None
        self._received_before = received_before
        self.first = self.next = sequence
        self._on_restart()

    def _take_irregular(
        self, payload: memoryview, sequence: int, timestamp: int, second: int
    ) -> None:
        step = (sequence - self.next) & 0xFFFF
        if step < _DROPOUT and self._reorder:
            if not self._held:
                self._held_since_s = time.monotonic()
            self._held[self.next + step] = (bytes(payload), timestamp, second)
            if len(self._held) > _HOLD_PACKETS:
                self._give_up()
        elif step < _DROPOUT:
            self._deliver(self.next + step, payload, timestamp, second)
        elif not self._reorder or self._suspect == (self.ssrc, sequence):
            self._begin_anew(sequence, self.received - 1)
            self._deliver(sequence, payload, timestamp, second)
        elif step < _LATE:  # over UDP only the second in a row is believed
            self._suspect = (self.ssrc or 0, (sequence + 1) & 0xFFFF)

    def _deliver(
        self, number: int, payload: memoryview | bytes, timestamp: int, second: int
    ) -> None:
        """Hand a packet on; those between it and the one before are lost."""
        missing = number - self.next
        self.lost += missing
        self.next = number + 1
        self._measure_jitter(timestamp)
        if second & 127 == self._payload_type:
            self._on_payload(memoryview(payload), timestamp, second > 127, missing != 0)

    def _release_held(self) -> None:
        while (packet := self._held.pop(self.next, None)) is not None:
            self._deliver(self.next, *packet)
        self._held_since_s = time.monotonic()

    def _give_up(self) -> None:
        number = min(self._held)
        self._deliver(number, *self._held.pop(number))
        self._release_held()

    def _measure_jitter(self, timestamp: int) -> None:
        """By the first packet of each picture; those that follow have its timestamp."""
        transit = round(time.monotonic() * self._clock_hz) - timestamp
        change = abs((transit - self._transit + (1 << 31)) % (1 << 32) - (1 << 31))
        if self._timestamp is not None:
            self.jitter += (change - self.jitter) / 16
        self._timestamp, self._transit = timestamp, transit


def _payload_bounds(view: memoryview, at: int, stop: int, first: int) -> tuple[int, int]:
    """Without what may stand before and after it: sources, an extension, padding."""
    at += 4 * (first & 15)
    if first & 16 and at + 4 <= stop:
        at += 4 + 4 * (view[at + 2] << 8 | view[at + 3])
    if first & 32 and at < stop:
        stop -= view[stop - 1]
    return min(at, max(stop, at)), max(stop, at)
