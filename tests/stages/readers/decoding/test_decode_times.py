"""Times of decoding for streams that tell those of showing alone."""

import itertools

import pytest

from stages.readers.decoding.decode_times import DecodeTimes

STEP = 3600


def order(groups: int, pattern: tuple[int, ...]) -> list[int]:
    """PTS in the order of sending: a key frame, and groups with these places in each."""
    size = len(pattern)
    places = [group * size + place + 1 for group in range(groups) for place in pattern]
    return [STEP * place for place in (0, *places)]


@pytest.mark.parametrize(
    ("pattern", "reorders"),
    [((0,), False), ((0,), True), ((2, 0, 1), True), ((3, 1, 0, 2), True),
     ((7, 3, 1, 0, 2, 5, 4, 6), True)],
)  # fmt: skip
def test_they_increase_and_lie_before_those_of_showing(
    pattern: tuple[int, ...], reorders: bool
) -> None:
    times, shown = DecodeTimes(STEP), order(20, pattern)
    decoded = [times.next(pts, reorders=reorders) for pts in shown]
    assert all(a < b for a, b in itertools.pairwise(decoded))
    assert all(dts <= pts for dts, pts in zip(decoded, shown, strict=True))


def test_without_reordering_both_are_the_same() -> None:
    times = DecodeTimes(STEP)
    assert [times.next(pts, reorders=False) for pts in (5, 9, 400)] == [5, 9, 400]


def test_they_increase_whatever_comes() -> None:
    times = DecodeTimes(STEP)
    decoded = [times.next(pts, reorders=bool(pts % 2)) for pts in (100, 7, 7, 50, 3, 900, 1, 1)]
    assert all(a < b for a, b in itertools.pairwise(decoded))
