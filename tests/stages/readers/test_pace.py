"""The pace of sources that could go faster than their time stamps, on a clock of the test's own."""

import time

import pytest

from pipeline.loops.epoch_clock import LONGEST_PAUSE_NS, EpochClock
from pipeline.source import EndOfSource
from stages.readers import pace as pace_module
from stages.readers.pace import Pace

MS = 1_000_000
PTS_MS = (0, 40, 80, 120, 160, 200)


class Clock:
    """Time that passes only during a sleep or a fetch."""

    def __init__(self) -> None:
        self.now_ns = 5_000 * MS

    def monotonic_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


class SlowSource:
    """A source whose frames take a given time to fetch; remembers when each fetch began."""

    def __init__(self, clock: Clock, fetch_ms: list[int], pts_ms: tuple[int, ...] = PTS_MS) -> None:
        self._clock = clock
        self._frames = iter(zip(pts_ms, fetch_ms, strict=True))
        self.began_ms: list[float] = []

    def fetch(self) -> int:
        self.began_ms.append((self._clock.now_ns - 5_000 * MS) / MS)
        pts_ms, fetch_ms = next(self._frames, (None, 0))
        if pts_ms is None:
            raise EndOfSource
        self._clock.now_ns += fetch_ms * MS
        return pts_ms * MS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace_module, "monotonic_ns", clock.monotonic_ns)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    return clock


def deliver(clock: Clock, source: SlowSource, pts_ms: tuple[int, ...] = PTS_MS) -> list[float]:
    """When each frame is delivered, in ms after the first."""
    pace = Pace()
    delivered = []
    for pts in pts_ms:
        found = None
        while found is None:
            found = pace.read(source.fetch)
        assert found == pts * MS
        delivered.append(clock.now_ns / MS)
    return [moment - delivered[0] for moment in delivered]


def test_frames_come_at_their_presentation_time(clock: Clock) -> None:
    assert deliver(clock, SlowSource(clock, [4] * 6)) == [0, 40, 80, 120, 160, 200]


def test_no_frame_is_fetched_much_before_its_time(clock: Clock) -> None:
    source = SlowSource(clock, [4] * 6)
    deliver(clock, source)
    # The rate is known from the second frame on: 4 ms, and a quarter more, before 84 on.
    assert source.began_ms == [0, 4, 79, 119, 159, 199]


def test_a_slow_fetch_makes_the_next_ones_earlier_for_a_while(clock: Clock) -> None:
    source = SlowSource(clock, [4, 4, 16, 4, 4, 4])
    deliver(clock, source)
    lead_ms = [4 + pts - began for pts, began in zip(PTS_MS, source.began_ms, strict=True)]
    assert lead_ms[3:] == pytest.approx([20, 18, 16.2])


def test_a_frame_that_is_late_is_not_held_back(clock: Clock) -> None:
    assert deliver(clock, SlowSource(clock, [4, 4, 50, 4, 4, 4])) == [0, 40, 129 - 4, 129, 160, 200]


def test_a_source_that_is_always_too_slow_never_waits(clock: Clock) -> None:
    assert deliver(clock, SlowSource(clock, [70] * 6)) == [0, 70, 140, 210, 280, 350]


def test_a_pause_is_kept_and_the_frames_after_it_are_in_time(clock: Clock) -> None:
    moments = (0, 40, 80, 5_080, 5_120, 5_160)
    source = SlowSource(clock, [4] * 6, moments)
    assert deliver(clock, source, moments) == list(moments)


def test_a_frame_after_long_intervals_is_late_by_little(clock: Clock) -> None:
    moments = (0, 60_000, 120_000, 120_040, 120_080, 180_080)
    delivered = deliver(clock, SlowSource(clock, [4] * 6, moments), moments)
    lateness_ms = [at - due for at, due in zip(delivered, moments, strict=True)]
    assert 0 <= min(lateness_ms) <= max(lateness_ms) < 250


def test_frames_come_in_time_where_the_interval_varies(clock: Clock) -> None:
    moments = (0, 20, 80, 100, 160, 180)
    assert deliver(clock, SlowSource(clock, [4] * 6, moments), moments) == list(moments)


CLIP_MS: tuple[int, ...] = tuple(range(1_400, 3_400, 40))  # of MPEG-TS: two seconds at 25 fps


@pytest.mark.parametrize(
    ("pts_ms", "length_ms"),
    [
        ((None,) * 50, 1_960),  # raw H.264
        (tuple(range(40, 2_040, 40)), 1_960),  # AVI with B-frames
        (CLIP_MS + tuple(50_000_000 + pts for pts in CLIP_MS), 3_960),
        (CLIP_MS + CLIP_MS, 3_960),
    ],
    ids=["no clock", "avi", "forward", "again"],
)
def test_frames_of_a_clock_that_is_not_sane_come_40_ms_apart(
    clock: Clock, pts_ms: tuple[int | None, ...], length_ms: int
) -> None:
    pace, source = Pace(), EpochClock()
    source.begin(longest_pause_ns=LONGEST_PAUSE_NS)
    frames = iter(pts_ms)

    def fetch() -> int:
        pts = next(frames)
        return source.stamp(None if pts is None else pts * MS)

    delivered: list[float] = []
    while len(delivered) < len(pts_ms):
        if pace.read(fetch) is not None:
            delivered.append(clock.now_ns / MS)
    assert [moment - delivered[0] for moment in delivered] == list(range(0, length_ms + 1, 40))


def test_the_end_passes_through(clock: Clock) -> None:
    pace, source = Pace(), SlowSource(clock, [4] * 6)
    for _ in PTS_MS:
        pace.read(source.fetch)
    with pytest.raises(EndOfSource):
        pace.read(source.fetch)
