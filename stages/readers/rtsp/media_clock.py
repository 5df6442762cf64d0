"""The clock of a stream: timestamps of 32 bits, counted past their end; and the camera's time."""

_WRAP = 1 << 32
_NS_PER_S = 1_000_000_000
_UNIX_AFTER_NTP_S = 2_208_988_800  # from 1900 to 1970
_NTP_ERA = 1 << 32  # seconds; the next one begins in 2036


class MediaClock:
    """Counts the ticks since the first timestamp of a session.

    Args:
        clock_hz: ticks in a second.
    """

    def __init__(self, clock_hz: int) -> None:
        self.clock_hz = clock_hz
        self._last: tuple[int, int] | None = None  # a timestamp, and the ticks up to it
        self._report: tuple[int, int] | None = None  # the camera's time in ns, and its ticks

    def count(self, timestamp: int) -> int:
        """Ticks from the first timestamp to this one, which may be earlier than the last."""
        ticks = self.near(timestamp)
        self._last = timestamp, ticks
        return ticks

    def near(self, timestamp: int) -> int:
        """The same, without going on to there: the nearest that it can mean."""
        if self._last is None:
            return 0
        last, ticks = self._last
        return ticks + (timestamp - last + _WRAP // 2) % _WRAP - _WRAP // 2

    def begin_anew(self, timestamp: int, elapsed_ns: int) -> None:
        """The sender counts from elsewhere now; `elapsed_ns` have passed since the last one."""
        ticks = self._last[1] if self._last is not None else 0
        self._last = timestamp, ticks + elapsed_ns * self.clock_hz // _NS_PER_S
        self._report = None

    def note_report(self, ntp: int, timestamp: int) -> None:
        """A sender report: the camera's time (NTP, 32.32 bits) at a timestamp; 0 is unknown."""
        if ntp == 0 or self._last is None:
            return
        self._report = unix_time_ns(ntp), self.near(timestamp)

    def camera_time_ns(self, ticks: int) -> int | None:
        """The camera's own time, in ns since 1970; None before its first report."""
        if self._report is None:
            return None
        unix_ns, report_ticks = self._report
        return unix_ns + (ticks - report_ticks) * _NS_PER_S // self.clock_hz


def unix_time_ns(ntp: int) -> int:
    """The time since 1970 that an NTP time (32.32 bits) means between 1968 and 2104."""
    seconds, fraction = divmod(ntp, 1 << 32)
    if seconds < _NTP_ERA // 2:
        seconds += _NTP_ERA
    return (seconds - _UNIX_AFTER_NTP_S) * _NS_PER_S + (fraction * _NS_PER_S >> 32)
