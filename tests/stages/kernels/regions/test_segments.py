import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.kernels.regions.segments import Segments

Point = tuple[float, float]

# Whole numbers: points often lie on the segment, and all arithmetic is exact.
spots = st.tuples(st.integers(-6, 6), st.integers(-6, 6))


def signs(start: Point, end: Point, *path: Point) -> list[int]:
    """The crossings of each step of a path."""
    points = np.array(path, np.float64)[:, None]
    segments = Segments(np.array([start], np.float64), np.array([end], np.float64))
    return [int(sign) for sign in segments.crossings(points[:-1], points[1:])[:, 0]]


def total(start: Point, end: Point, *path: Point) -> int:
    return sum(signs(start, end, *path))


def test_side_a_is_on_the_left_as_one_looks_at_the_picture() -> None:
    assert signs((0, 0), (10, 0), (5, -1), (5, 1)) == [1]  # to the right: A is above
    assert signs((10, 0), (0, 0), (5, -1), (5, 1)) == [-1]
    assert signs((0, 10), (0, 0), (-1, 5), (1, 5)) == [1]  # upward: A is on the left


def test_a_step_beside_an_end_does_not_cross() -> None:
    assert signs((0, 0), (10, 0), (11, -1), (11, 1), (-1, 1), (-1, -1)) == [0, 0, 0]


def test_a_slanted_segment_is_crossed_where_it_is() -> None:
    assert signs((0, 0), (10, 10), (4, 2), (2, 4)) == [1]
    assert signs((0, 0), (10, 10), (10, 2), (12, 9)) == [0]


def test_a_path_that_stops_on_the_line_crosses_once_or_not() -> None:
    assert total((0, 0), (10, 0), (5, -1), (5, 0), (5, 1)) == 1
    assert total((0, 0), (10, 0), (5, 1), (5, 0), (5, -1)) == -1
    assert total((0, 0), (10, 0), (5, -1), (5, 0), (6, 0), (5, -1)) == 0


def test_each_step_is_asked_for_its_own_segment() -> None:
    segments = Segments(np.array([[0.0, 0.0], [0.0, 10.0]]), np.array([[10.0, 0.0], [0.0, 0.0]]))
    before, after = np.array([[[5.0, -1.0], [5.0, 5.0]]]), np.array([[[5.0, 1.0], [-5.0, 5.0]]])
    assert segments.crossings(before, after).tolist() == [[1, -1]]
    assert segments.distances(before, np.ones((1, 2))).tolist() == [[1, 5]]


def test_distances_are_told_in_units_of_each_point() -> None:
    segments = Segments(np.array([[0.0, 0.0]]), np.array([[10.0, 0.0]]))
    points, units = np.array([[[5.0, 6.0]], [[14.0, 3.0]]]), np.array([[9.0, 2.0], [1.0, 1.0]])
    assert segments.distances(points, units)[:, 0].tolist() == pytest.approx([3, 5])


@given(spots, spots, spots, spots)
def test_backwards_the_sign_is_the_other(a: Point, b: Point, p: Point, q: Point) -> None:
    if a != b:
        assert signs(a, b, q, p) == [-signs(a, b, p, q)[0]]
        assert signs(b, a, p, q) == [-signs(a, b, p, q)[0]] or on_line(a, b, p, q)


def on_line(a: Point, b: Point, *points: Point) -> bool:
    """Whether one of the points is on the line through a and b."""
    return any((b[0] - a[0]) * (p[1] - a[1]) == (b[1] - a[1]) * (p[0] - a[0]) for p in points)


@given(spots, spots, st.lists(spots, min_size=3, max_size=8))
def test_a_path_that_returns_past_neither_end_has_crossed_as_often_back(
    a: Point, b: Point, path: list[Point]
) -> None:
    """A closed path crosses a line without ends as often in one direction as in the other."""
    if a != b:
        far = [(a[k] + 1000 * (a[k] - b[k]), b[k] + 1000 * (b[k] - a[k])) for k in range(2)]
        start, end = (far[0][0], far[1][0]), (far[0][1], far[1][1])
        assert total(start, end, *path, path[0]) == 0


@given(spots, spots, spots, spots)
def test_a_step_through_the_end_of_two_segments_crosses_one_of_them(
    a: Point, middle: Point, p: Point, q: Point
) -> None:
    """Two segments that go on from each other count like the one that they make."""
    end = (2 * middle[0] - a[0], 2 * middle[1] - a[1])
    if a != middle:
        assert total(a, middle, p, q) + total(middle, end, p, q) == total(a, end, p, q)


outside = st.tuples(st.integers(-20, 20), st.sampled_from([-20, 20]), st.booleans())


@given(st.lists(spots, min_size=3, max_size=5, unique=True), outside, outside)
def test_a_step_from_outside_to_outside_enters_a_ring_as_often_as_it_leaves(
    ring: list[Point], before: tuple[int, int, bool], after: tuple[int, int, bool]
) -> None:
    """Also where it passes through corners, or along an edge."""
    step = [(x, y) if upright else (y, x) for x, y, upright in (before, after)]
    ends = [*ring[1:], ring[0]]
    assert sum(total(a, b, *step) for a, b in zip(ring, ends, strict=True)) == 0
