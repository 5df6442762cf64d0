import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.kernels.regions.polygons import Floats, Polygons

SQUARE = np.array([[10.0, 10.0], [20.0, 10.0], [20.0, 20.0], [10.0, 20.0]])
# Like a U: open at the top.
U = np.array([[0, 0], [30, 0], [30, 30], [20, 30], [20, 10], [10, 10], [10, 30], [0, 30]], float)


@st.composite
def stars(draw: st.DrawFn) -> Floats:
    """Polygons that a ray from (50, 50) meets once: simple, and seldom convex."""
    count = draw(st.integers(3, 12))
    radii = draw(st.lists(st.floats(5, 45), min_size=count, max_size=count))
    turn = draw(st.sampled_from([-1, 1]))
    angles = turn * np.arange(count) * 2 * math.pi / count + 0.1
    rays: Floats = np.column_stack([np.cos(angles), np.sin(angles)])
    return 50 + np.array(radii)[:, None] * rays


places = st.tuples(st.floats(-10, 110), st.floats(-10, 110))


def contains(polygon: Floats, *points: tuple[float, float]) -> list[bool]:
    asked = np.array(points).reshape(-1, 1, 2)
    return [bool(inside) for inside in Polygons([polygon]).contain(asked)[:, 0]]


def distance(polygon: Floats, point: tuple[float, float]) -> float:
    return float(Polygons([polygon]).distances(np.array([[point]]), np.ones((1, 2)))[0, 0])


def share(polygon: Floats, box: tuple[float, ...]) -> float:
    return float(Polygons([polygon]).shares(np.array([box]))[0, 0])


def winding(polygon: Floats, point: tuple[float, float]) -> int:
    """How often the border turns around a point, by the angles of its corners."""
    away = polygon - point
    angles = np.arctan2(away[:, 1], away[:, 0])
    turns = np.diff(angles, append=angles[:1])
    return round(float(((turns + math.pi) % (2 * math.pi) - math.pi).sum() / (2 * math.pi)))


def clip(polygon: list[tuple[float, float]], box: tuple[float, ...]) -> float:
    """The area of a polygon in a box, as Sutherland and Hodgman cut it (1974)."""
    for axis, bound, sign in ((0, box[0], 1), (1, box[1], 1), (0, box[2], -1), (1, box[3], -1)):
        kept: list[tuple[float, float]] = []
        for before, here in zip([polygon[-1], *polygon], polygon, strict=False):
            depths = [sign * (point[axis] - bound) for point in (before, here)]
            if (depths[0] < 0) != (depths[1] < 0):
                along = depths[0] / (depths[0] - depths[1])
                x, y = (before[k] + along * (here[k] - before[k]) for k in range(2))
                kept.append((x, y))
            if depths[1] >= 0:
                kept.append(here)
        polygon = kept
        if not polygon:
            return 0.0
    xs, ys = np.array(polygon).T
    return abs(float(xs @ np.roll(ys, -1) - ys @ np.roll(xs, -1))) / 2


def test_a_point_is_inside_or_outside() -> None:
    assert contains(SQUARE, (15, 15), (5, 15), (15, 25), (25, 15)) == [True, False, False, False]
    assert contains(U, (5, 20), (15, 20), (25, 20), (15, 5)) == [True, False, True, True]


def test_each_polygon_is_asked_for_its_own_point() -> None:
    asked = np.array([[[15.0, 15.0], [15.0, 20.0]], [[5.0, 20.0], [5.0, 20.0]]])
    assert Polygons([SQUARE, U]).contain(asked).tolist() == [[True, False], [False, True]]


@given(stars(), places)
def test_points_inside_are_those_that_the_border_turns_around(
    polygon: Floats, point: tuple[float, float]
) -> None:
    if distance(polygon, point) > 1e-6:
        assert contains(polygon, point) == [winding(polygon, point) != 0]


@given(stars(), st.integers(0, 11), st.floats(0, 1))
def test_of_two_polygons_side_by_side_one_has_a_point_on_the_border(
    polygon: Floats, edge: int, along: float
) -> None:
    """A picture in two parts: what the star leaves of it is the other one."""
    start, end = polygon[edge % len(polygon)], polygon[(edge + 1) % len(polygon)]
    x, y = start + along * (end - start)
    frame = np.array([[-100.0, -100.0], [200.0, -100.0], [200.0, 200.0], [-100.0, 200.0]])
    turned = polygon if winding(polygon, (50, 50)) < 0 else polygon[::-1]
    # The way to the star and back along one cut, of which no point is asked.
    cut = int(np.argmin(turned[:, 1]))
    ring = np.concatenate([turned[cut:], turned[: cut + 1]])
    rest = np.concatenate([frame, frame[:1], ring])
    assert contains(polygon, (x, y)) != contains(rest, (x, y))


@given(stars(), places, st.floats(1, 80), st.floats(1, 80))
def test_the_share_of_a_box_is_that_of_the_polygon_cut_to_it(
    polygon: Floats, corner: tuple[float, float], width: float, height: float
) -> None:
    box = (*corner, corner[0] + width, corner[1] + height)
    points = [(float(x), float(y)) for x, y in polygon]
    assert share(polygon, box) == pytest.approx(clip(points, box) / (width * height), abs=1e-6)


def test_the_share_of_a_box_in_a_polygon_that_is_not_convex() -> None:
    assert share(U, (0, 0, 30, 30)) == pytest.approx(1 - 200 / 900)
    assert share(U, (12, 12, 18, 40)) == 0
    assert share(U, (5, 15, 25, 25)) == pytest.approx(0.5)


def test_a_box_without_area_has_no_share() -> None:
    assert share(SQUARE, (15, 15, 15, 15)) == 0


def test_the_distance_is_to_the_nearest_edge_from_inside_and_outside() -> None:
    assert distance(SQUARE, (15, 12)) == 2
    assert distance(SQUARE, (15, 25)) == 5
    assert distance(SQUARE, (23, 24)) == 5


def test_the_distance_is_told_in_units_of_each_point() -> None:
    polygons = Polygons([SQUARE])
    asked, units = np.array([[[23.0, 24.0]], [[26.0, 15.0]]]), np.array([[3.0, 4.0], [2.0, 9.0]])
    assert polygons.distances(asked, units)[:, 0].tolist() == pytest.approx([math.sqrt(2), 3])


@given(stars(), places)
def test_the_distance_is_that_to_points_on_the_border(
    polygon: Floats, point: tuple[float, float]
) -> None:
    along = np.linspace(0, 1, 400)[:, None, None]
    border = polygon + along * (np.roll(polygon, -1, axis=0) - polygon)
    nearest = np.hypot(*(border - point).reshape(-1, 2).T).min()
    assert distance(polygon, point) <= nearest + 1e-9
    assert distance(polygon, point) == pytest.approx(nearest, abs=0.3)
