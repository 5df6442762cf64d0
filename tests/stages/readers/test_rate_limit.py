import pytest

from stages.readers.rate_limit import KeyPlan, RateLimit, Span

MS = 1_000_000
FRAME_NS = 40 * MS


def taken(limit: RateLimit, times: list[int]) -> list[int]:
    found = []
    for time in times:
        if limit.wants(time):
            limit.take(time)
            found.append(time)
    return found


def test_without_a_limit_every_frame_is_wanted() -> None:
    times = [i * FRAME_NS for i in range(10)]
    assert taken(RateLimit(None), times) == times


@pytest.mark.parametrize("fps", [24.0, 15.0, 12.5, 10.0, 7.0, 1.0, 0.3])
def test_the_average_is_the_limit(fps: float) -> None:
    times = [i * FRAME_NS for i in range(2500)]
    assert abs(len(taken(RateLimit(fps), times)) - 100 * fps) <= 1


def test_whole_milliseconds_meet_the_grid() -> None:
    """Matroska rounds the times of a camera of 30 frames a second: 0, 33, 67, 100."""
    times = [round(i * 1000 / 30) * MS for i in range(300)]
    assert len(taken(RateLimit(15), times)) == 150
    assert len(taken(RateLimit(30), times)) == 300


def test_a_gap_is_not_made_up_for() -> None:
    times = [0, 10_000 * MS, 10_040 * MS, 10_080 * MS, 11_000 * MS]
    assert taken(RateLimit(1), times) == [0, 10_000 * MS, 11_000 * MS]


def test_a_clock_that_begins_again_is_followed() -> None:
    limit = RateLimit(1)
    assert taken(limit, [100_000 * MS, 0, 500 * MS, 1000 * MS]) == [100_000 * MS, 0, 1000 * MS]


def passed(fps: float | None, key_at: set[int], frames: int) -> set[int]:
    limit = RateLimit(fps)
    plan = KeyPlan(limit)
    found = set()
    for index in range(frames):
        time = index * FRAME_NS
        if plan.passes_over(time, is_key=index in key_at):
            found.add(index)
        elif limit.wants(time):
            limit.take(time)
    return found


def test_stretches_without_a_wanted_frame_are_passed_over() -> None:
    """Key frames each second, one frame in two wanted: each second group is not decoded."""
    over = passed(0.5, set(range(0, 500, 25)), 500)
    assert len(over) > 350
    assert not over & {i for i in range(500) if i % 25 == 0}


def test_irregular_key_frames_are_not_counted_on() -> None:
    assert not passed(0.5, {0, 25, 90, 100, 180, 300}, 320)


def test_without_a_limit_nothing_is_passed_over() -> None:
    assert not passed(None, set(range(0, 500, 25)), 500)


def test_a_span_reaches_to_the_last_picture() -> None:
    span = Span()
    assert span.last_ns is None
    for index in (0, 3, 1, 2):
        span.add(index * FRAME_NS)
    assert span.last_ns == 3 * FRAME_NS
