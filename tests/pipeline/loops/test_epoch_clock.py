"""Times as sources give them, in ms; `None` is a frame without one."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.loops.epoch_clock import LONGEST_PAUSE_NS, EpochClock

MS = 1_000_000
PTS = st.one_of(st.none(), st.integers(-(2**60), 2**60), st.integers(0, 20).map(lambda n: n * MS))
FIFTY = [40 * frame for frame in range(50)]
# Presentation times of the frames of an AVI file with B-frames, as FFmpeg's tools give them: the
# container has none, and only those of frames that are decoded in order can be told.
AVI_WITH_B_FRAMES = [None, 80, 120, None, 200, 240, None, 320, 360, None, 440, 480]


def stamps(*pts_ms: int | None, interval_ms: int | None = None) -> list[float]:
    clock = EpochClock()
    clock.begin(None if interval_ms is None else interval_ms * MS, LONGEST_PAUSE_NS)
    return [clock.stamp(None if pts is None else pts * MS) / MS for pts in pts_ms]


def test_times_that_increase_are_left_alone() -> None:
    assert stamps(0, 40, 80, 5_000, 5_040) == [0, 40, 80, 5_000, 5_040]
    assert stamps(1_400, 1_433, 1_467) == [1_400, 1_433, 1_467]
    assert stamps(-80, -40, 0) == [-80, -40, 0]


@given(st.integers(-(2**40), 2**40), st.lists(st.integers(1, LONGEST_PAUSE_NS)))
def test_sane_times_are_left_alone(first_ns: int, steps_ns: list[int]) -> None:
    clock = EpochClock()
    clock.begin(longest_pause_ns=LONGEST_PAUSE_NS)
    times = [first_ns]
    for step_ns in steps_ns:
        times.append(times[-1] + step_ns)
    assert [clock.stamp(time) for time in times] == times


def test_frames_without_times_come_at_the_declared_rate() -> None:
    assert stamps(*[None] * 4, interval_ms=20) == [0, 20, 40, 60]


def test_frames_without_times_and_rate_come_at_25_fps() -> None:
    assert stamps(*[None] * 50) == FIFTY


@pytest.mark.parametrize("interval_ms", [None, 20])
def test_a_clock_that_stands_still_is_as_good_as_none(interval_ms: int | None) -> None:
    step_ms = interval_ms or 40
    expected = [7_000 + step_ms * frame for frame in range(50)]
    assert stamps(*[7_000] * 50, interval_ms=interval_ms) == expected


def test_a_frame_without_a_time_among_others_comes_by_their_interval() -> None:
    assert stamps(*AVI_WITH_B_FRAMES) == [0, 80, 120, 160, 200, 240, 280, 320, 360, 400, 440, 480]
    assert stamps(0, 20, 40, 60, 80, None, 120) == [0, 20, 40, 60, 80, 100, 120]


def test_frames_in_the_order_of_decoding_are_spaced_evenly() -> None:
    """Times of decoding, given out as those of presentation: I P B B P B B."""
    order = [0, 2, 3, 1, 5, 6, 4, 8, 9, 7, 11, 12, 10]
    found = stamps(*[40 * at for at in order], interval_ms=40)
    assert found == [0, *(40 * at for at in range(2, 14))]
    assert stamps(*[40 * at for at in order]) == found


@pytest.mark.parametrize(
    "group",
    [(0, 3, 2, 4, 1), (0, 4, 3, 5, 2, 7, 6, 8, 1)],
    ids=["three B-frames", "seven B-frames"],
)
@pytest.mark.parametrize("interval_ms", [None, 40])
def test_frames_of_a_pyramid_keep_up_with_their_times(
    group: tuple[int, ...], interval_ms: int | None
) -> None:
    """One B-frame refers to another, so the order of decoding goes back and forth."""
    size = len(group) - 1
    order = [0, *(size * turn + at for turn in range(40) for at in group[1:])]
    found = stamps(*[40 * at for at in order], interval_ms=interval_ms)
    settled = found[40:]
    steps = [b - a for a, b in itertools.pairwise(settled)]
    assert min(steps) >= 20
    assert max(steps) <= 100
    assert found[-1] == pytest.approx(40 * len(order), abs=40 * size)


def test_a_frame_out_of_turn_costs_the_clock_one_interval_at_most() -> None:
    assert stamps(0, 40, 80, 79, 120, 160, interval_ms=40) == [0, 40, 80, 120, 140, 160]
    assert stamps(0, 0, 40, 80, 120) == [0, 40, 60, 80, 120]


def test_a_clock_that_is_set_back_goes_on_by_the_usual_step() -> None:
    assert stamps(7_200_000, 7_200_033, 0, 33, 66, interval_ms=33) == [
        7_200_000, 7_200_033, 7_200_066, 7_200_099, 7_200_132
    ]  # fmt: skip


def test_a_clock_that_is_set_back_a_little_goes_on_with_all_frames_apart() -> None:
    frames = [*range(0, 400, 40), *range(0, 400, 40)]
    found = stamps(*frames)
    assert found[:10] == frames[:10]
    steps = [b - a for a, b in itertools.pairwise(found[9:])]
    assert steps == [40, 20, *[40] * 8]


def test_a_file_joined_of_two_goes_on_without_a_seam() -> None:
    """Two clips of 50 frames, each from 1.4 s on, as MPEG-TS has them."""
    clip = [1_400 + time for time in FIFTY]
    assert stamps(*clip, *clip) == [1_400 + 40 * frame for frame in range(100)]
    assert stamps(*clip, *clip, *clip) == [1_400 + 40 * frame for frame in range(150)]


def test_a_clock_that_jumps_forward_by_hours_goes_on_without_a_pause() -> None:
    clip = [1_400 + time for time in FIFTY]
    later = [50_000_000 + time for time in clip]
    assert stamps(*clip, *later) == [1_400 + 40 * frame for frame in range(100)]


def test_one_wrong_time_shifts_no_later_one() -> None:
    """Also where the interval is no whole number of ms."""
    sane = [0, 33, 67, 100, 133, 167, 200, 233, 267, 300]
    for wrong in (-50_000_000, 50_000_000):
        found = stamps(*sane[:6], wrong, *sane[7:])
        assert found[:6] + found[7:] == sane[:6] + sane[7:]
        assert found[5] < found[6] < found[7]


def test_a_pause_of_seconds_stays_and_one_beyond_the_limit_does_not() -> None:
    assert stamps(0, 40, 80, 120, 160, 10_160) == [0, 40, 80, 120, 160, 10_160]
    assert stamps(0, 40, 80, 120, 160, 10_161) == [0, 40, 80, 120, 160, 200]


def test_without_a_limit_every_pause_stays() -> None:
    clock = EpochClock()
    assert [clock.stamp(time * MS) / MS for time in (0, 40, 50_000_000)] == [0, 40, 50_000_000]


def test_a_live_source_may_pause_for_as_long_as_nothing_arrives() -> None:
    clock = EpochClock()
    clock.begin(longest_pause_ns=LONGEST_PAUSE_NS)
    moments = [(0, 0), (40, 41), (60_040, 60_043), (5_000_000, 60_080)]
    found = [clock.stamp(time * MS, arrived * MS) / MS for time, arrived in moments]
    assert found == [0, 40, 60_040, 60_080]


@given(st.lists(PTS))
def test_times_increase_whatever_they_are(pts_ns: list[int | None]) -> None:
    clock = EpochClock()
    clock.begin(longest_pause_ns=LONGEST_PAUSE_NS)
    found = [clock.stamp(pts) for pts in pts_ns]
    assert found == sorted(set(found))


@given(st.lists(PTS), st.integers(1, LONGEST_PAUSE_NS))
def test_corrected_times_pass_another_clock_unchanged(
    pts_ns: list[int | None], pause_ns: int
) -> None:
    reader, loop = EpochClock(), EpochClock()
    reader.begin(longest_pause_ns=pause_ns)
    found = [reader.stamp(pts) for pts in pts_ns]
    assert [loop.stamp(time) for time in found] == found


@given(
    st.lists(PTS, min_size=1, max_size=40), st.integers(1, 5), st.sampled_from([None, 33_366_667])
)
def test_rounds_that_are_passed_over_take_the_time_of_rounds_that_are_read(
    pts_ns: list[int | None], rounds: int, interval_ns: int | None
) -> None:
    read, passed = EpochClock(), EpochClock()
    for clock in (read, passed):
        clock.begin(interval_ns, LONGEST_PAUSE_NS)
    times = [read.stamp(pts) for pts in pts_ns]
    assert [passed.stamp(pts) for pts in pts_ns] == times
    for _ in range(rounds):
        read.rewind()
        times += [read.stamp(pts) for pts in pts_ns]
    assert times == sorted(set(times))
    passed.rewind(rounds)
    assert [passed.stamp(pts) for pts in pts_ns] == times[-len(pts_ns) :]


def test_the_first_frame_of_a_round_follows_the_last_by_the_usual_interval() -> None:
    clock = EpochClock()
    found = []
    for _ in range(3):
        found += [clock.stamp(time * MS) / MS for time in FIFTY]
        clock.rewind()
    assert found == [40 * frame for frame in range(150)]


def told(*pts_ms: int | None, interval_ms: int | None = None) -> list[str]:
    sentences: list[str] = []
    clock = EpochClock(sentences.append)
    for _ in range(2):  # connections
        clock.begin(None if interval_ms is None else interval_ms * MS, LONGEST_PAUSE_NS)
        for pts in pts_ms:
            clock.stamp(None if pts is None else pts * MS)
    return sentences


@pytest.mark.parametrize(
    ("pts_ms", "interval_ms", "sentence"),
    [
        ([None] * 9, 20, "frames come without a time: they are timed at 50 fps, the declared rate"),
        (
            [None] * 9,
            None,
            "frames come without a time: they are timed at 25 fps, since no rate is declared",
        ),
        (
            [0, 10, 20, 30, 40, None],
            20,
            "frames come without a time: they are timed at 100 fps, the usual rate",
        ),
        ([5] * 9, 20, "its clock stands still: they are timed at 50 fps, the declared rate"),
        ([0, 80, 120, 40, 200, 240, 160], None, "frames come in another order than their times"),
        ([*FIFTY, *FIFTY], None, "its clock goes back by 1.96 s: time goes on from the last frame"),
        ([0, 40, 5e7, 5e7 + 40], None, "its clock goes forward by 5e+04 s: time goes on"),
    ],
)
def test_a_correction_is_told_once(
    pts_ms: list[int | None], interval_ms: int | None, sentence: str
) -> None:
    (found,) = told(*pts_ms, interval_ms=interval_ms)
    assert found.startswith(sentence)


def test_of_sane_times_nothing_is_told() -> None:
    assert told(*FIFTY) == []
    assert told(0, 0, 40, 80) == [], "a camera may begin with the same time twice"
