"""Fewer frames than a source has: `sources.fps`."""

_NS_PER_S = 1_000_000_000
_BACK_NS = 1_000_000_000  # a time earlier by more is a clock that began again
# Times in whole milliseconds do not meet the grid exactly; of a short interval it is less.
_SLACK_NS, _SLACK = 1_000_000, 0.02


class RateLimit:
    """Says of frames, by their times, which are wanted."""

    def __init__(self, fps: float | None) -> None:
        self._step_ns = 0 if fps is None else round(_NS_PER_S / fps)
        self._slack_ns = min(_SLACK_NS, round(self._step_ns * _SLACK))
        self._due_ns: int | None = None

    @property
    def step_ns(self) -> int:
        """From one frame to the next; 0 without a limit."""
        return self._step_ns

    def wants(self, pts_ns: int) -> bool:
        if self._step_ns == 0 or self._due_ns is None:
            return True
        if pts_ns < self._due_ns - self._step_ns - _BACK_NS:
            return True
        return pts_ns >= self._due_ns - self._slack_ns

    def take(self, pts_ns: int) -> None:
        """Count a wanted frame: the next is due one step later, on average too."""
        due_ns = pts_ns if self._due_ns is None else self._due_ns
        on_grid = 0 <= pts_ns - due_ns < self._step_ns
        self._due_ns = (due_ns if on_grid else pts_ns) + self._step_ns


class Span:
    """How far the pictures of a file reach, also those that are not decoded."""

    def __init__(self) -> None:
        self.last_ns: int | None = None

    def add(self, time_ns: int) -> None:
        self.last_ns = time_ns if self.last_ns is None else max(self.last_ns, time_ns)


class KeyPlan:
    """Finds the stretch before a key frame in which no picture can be wanted any more.

    With one frame in two seconds of a camera that sends a key frame each second, all others are
    for nothing: the next wanted picture comes after a key frame, from which decoding can begin.
    """

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._last_key_ns: int | None = None
        self._interval_ns = 0
        self._is_regular = False
        self._passing = False

    def passes_over(self, pts_ns: int | None, *, is_key: bool) -> bool:
        """Whether the picture is not even decoded. Told of each picture, in order."""
        if pts_ns is None or self._limit.step_ns == 0:
            return False
        if is_key:
            interval_ns = 0 if self._last_key_ns is None else pts_ns - self._last_key_ns
            self._is_regular = abs(interval_ns - self._interval_ns) <= interval_ns // 20
            self._interval_ns, self._last_key_ns = interval_ns, pts_ns
            self._passing = False
        elif not self._passing:
            self._passing = self._nothing_before_key(pts_ns)
        return self._passing

    def _nothing_before_key(self, pts_ns: int) -> bool:
        if not self._is_regular or self._last_key_ns is None or self._interval_ns <= 0:
            return False
        next_key_ns = self._last_key_ns + self._interval_ns
        return pts_ns < next_key_ns and not self._limit.wants(next_key_ns - 2 * _SLACK_NS)
