"""Makes the times of an epoch increase, whatever times a source sends."""

import itertools
from collections import deque
from collections.abc import Callable

_NS_PER_S = 1_000_000_000
_NS_PER_FRAME = 40_000_000  # 25 fps, where neither the times nor the source tell the rate
_REORDERED_FRAMES = 16  # H.264 and HEVC reorder no more; a time further back is a clock set back
_LEAST_JUMP_NS = 500_000_000  # and so much, where frames follow each other very fast
_REPEATED_FRAMES = 2  # that increase below what was reached before: the clock has been set back
_RECENT_FRAMES = 9  # whose times tell the interval
_ENOUGH_FRAMES = 5  # below it, a declared rate is trusted more

# FFmpeg takes ten seconds too (dts_delta_threshold), in formats whose clock may start anew: MPEG
# streams, HLS, RTSP. A pause of a file with an index is meant, up to where nobody would wait.
LONGEST_PAUSE_NS = 10 * _NS_PER_S
LONGEST_INDEXED_PAUSE_NS = 3600 * _NS_PER_S


class EpochClock:
    """A source's own clock, made to increase strictly.

    A time that is sane stays as it is: it is later than the last one, and by no more than the
    longest pause. Another is corrected:

    * A frame without a time, or out of order, follows the last one by the usual interval. Frames
      after it come by half of it until the source's own times are ahead again, so no two bunch.
    * When the clock was set back, starts anew or jumps forward, time goes on by the usual interval,
      and all later times are shifted, until the source's own times fit again.

    The result depends on the times since `begin` alone, unless moments of arrival are given. So a
    file that is read again from its start gets the same times, if each of its frames is stamped,
    also those that are passed over. Times that one clock has corrected pass another unchanged.

    Args:
        tell: called with a sentence when a kind of correction is needed for the first time.
    """

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self._tell_user = tell
        self._told: set[str] = set()
        self.begin()

    def begin(self, interval_ns: int | None = None, longest_pause_ns: int | None = None) -> None:
        """Begin an epoch.

        Args:
            interval_ns: between two frames, as the source declares it; None when it does not.
            longest_pause_ns: a longer step forward is a jump of the clock; None for no limit.
        """
        self._declared_ns = interval_ns if interval_ns is not None and interval_ns > 0 else None
        self._longest_pause_ns = longest_pause_ns
        self._arrived_ns: int | None = None  # the last frame
        self._origin_ns = self._round_shift_ns = 0
        self._begin_round()

    @property
    def shift_ns(self) -> int:
        """What the source's own times are shifted by at the moment."""
        return self._shift_ns

    def stamp(self, pts_ns: int | None, arrived_ns: int | None = None) -> int:
        """The time of the next frame, for the time that the source gives it; all in ns.

        Args:
            pts_ns: None for a frame without a time.
            arrived_ns: when it arrived from a live source: a pause is real if time has passed.
        """
        waited_ns = 0
        if arrived_ns is not None and self._arrived_ns is not None:
            waited_ns = arrived_ns - self._arrived_ns
        self._arrived_ns = arrived_ns
        if pts_ns is None:
            self._tell("missing", f"frames come without a time: {self._rate()}")
            time_ns = self._following_ns()
        elif self._last_ns is None:
            time_ns = pts_ns + self._shift_ns
        else:
            time_ns = self._place(pts_ns, self._last_ns, waited_ns)
        self._remember(pts_ns, time_ns)
        return time_ns

    def rewind(self, rounds: int = 1) -> None:
        """The source begins again from its start; time goes on.

        Args:
            rounds: more than 1 when whole rounds like the last one are passed over unread.
        """
        length_ns = rounds * (self._following_ns() - self._first_ns)
        self._origin_ns = self._first_ns + length_ns
        self._round_shift_ns += length_ns
        self._begin_round()

    def _begin_round(self) -> None:
        self._shift_ns = self._round_shift_ns
        self._first_ns = self._origin_ns
        self._last_ns: int | None = None
        self._pts_ns: deque[int] = deque(maxlen=_RECENT_FRAMES)  # of the source, as they came
        self._highest_pts_ns = 0
        self._repeats = self._stands = 0

    def _remember(self, pts_ns: int | None, time_ns: int) -> None:
        if self._last_ns is None:
            self._first_ns = time_ns
        self._last_ns = time_ns
        if pts_ns is not None:
            self._highest_pts_ns = max(pts_ns, self._highest_pts_ns) if self._pts_ns else pts_ns
            self._pts_ns.append(pts_ns)

    def _place(self, pts_ns: int, last_ns: int, waited_ns: int) -> int:
        ahead_ns = pts_ns + self._shift_ns - last_ns
        if ahead_ns > 0:
            self._repeats = self._stands = 0
            limit_ns = self._longest_pause_ns
            if limit_ns is None or ahead_ns <= limit_ns + waited_ns:
                return last_ns + ahead_ns
            return self._jump(pts_ns, last_ns, "forward")
        interval_ns = self._interval_ns()
        if -ahead_ns > max(_REORDERED_FRAMES * interval_ns, _LEAST_JUMP_NS):
            return self._jump(pts_ns, last_ns, "back")
        before_ns = self._pts_ns[-1] if self._pts_ns else pts_ns
        if pts_ns > before_ns:
            self._repeats = self._repeats + 1 if pts_ns <= self._highest_pts_ns else 0
            if self._repeats == _REPEATED_FRAMES:
                return self._jump(pts_ns, last_ns, "back")
            return last_ns + max(interval_ns // 2, 1)
        self._tell_disorder(stands=pts_ns == before_ns)
        return last_ns + interval_ns

    def _jump(self, pts_ns: int, last_ns: int, way: str) -> int:
        """Time goes on from the last frame: by the source's own time if that fits, or shifted."""
        jump_s = abs(pts_ns + self._shift_ns - last_ns) / _NS_PER_S
        self._tell(way, f"its clock goes {way} by {jump_s:.3g} s: time goes on from the last frame")
        self._highest_pts_ns, self._repeats = pts_ns, 0
        own_ns = pts_ns + self._round_shift_ns
        if 0 < own_ns - last_ns <= (self._longest_pause_ns or LONGEST_PAUSE_NS):
            self._shift_ns = self._round_shift_ns
            return own_ns
        self._shift_ns = last_ns + self._interval_ns() - pts_ns
        return pts_ns + self._shift_ns

    def _following_ns(self) -> int:
        """When a frame comes that follows the last one by the usual interval."""
        return self._origin_ns if self._last_ns is None else self._last_ns + self._interval_ns()

    def _interval_ns(self) -> int:
        """The usual interval: the median of what the last frames tell, in any order."""
        if self._declared_ns is not None and len(self._pts_ns) < _ENOUGH_FRAMES:
            return self._declared_ns
        times_ns = sorted(set(self._pts_ns))
        steps_ns = sorted(b - a for a, b in itertools.pairwise(times_ns))
        if not steps_ns:
            return self._declared_ns or _NS_PER_FRAME
        return min(steps_ns[(len(steps_ns) - 1) // 2], self._longest_pause_ns or LONGEST_PAUSE_NS)

    def _tell_disorder(self, *, stands: bool) -> None:
        self._stands = self._stands + 1 if stands else 0
        if self._stands > 1:  # cameras often begin with the same time twice
            self._tell("stands", f"its clock stands still: {self._rate()}")
        elif not stands:
            self._tell("order", "frames come in another order than their times: spaced evenly")

    def _tell(self, kind: str, sentence: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._tell_user(sentence)

    def _rate(self) -> str:
        interval_ns = self._interval_ns()
        if interval_ns == self._declared_ns:
            whose = "the declared rate"
        else:
            whose = "the usual rate" if len(set(self._pts_ns)) > 1 else "since no rate is declared"
        return f"they are timed at {_NS_PER_S / interval_ns:.4g} fps, {whose}"
