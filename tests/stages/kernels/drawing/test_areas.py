import tracemalloc
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stages.kernels.drawing.areas import TINT, hatch_area, tint_area
from stages.kernels.drawing.palette import Colour
from tests.stages.kernels.drawing.canvases import GREY, SIZES_WH, find_painted, make_canvas

GREEN: Colour = (40, 240, 40)
# A concave one, one over the whole picture, one in a corner, a sliver.
Shape = Sequence[tuple[float, float]]
SHAPES: list[Shape] = [
    [(0.1, 0.2), (0.9, 0.1), (0.5, 0.5), (0.8, 0.9), (0.2, 0.8)],
    [(0, 0), (1, 0), (1, 1), (0, 1)],
    [(0.8, 0.7), (1, 0.7), (1, 1)],
    [(0.3, 0.4), (0.7, 0.4), (0.7, 0.405)],
]


def corners_of(shape: Shape, width: int, height: int) -> NDArray[np.int32]:
    return np.round(np.array(shape) * [width - 1, height - 1]).astype(np.int32)


def inside(corners: NDArray[np.int32], width: int, height: int) -> NDArray[np.bool_]:
    """Pixels inside, without those that the outline may cover."""
    filled = np.zeros((height, width), np.uint8)
    cv2.fillPoly(filled, [corners], 255)
    edge = np.zeros_like(filled)
    cv2.polylines(edge, [corners], True, 255, 2 + 2 * round(max(1, height / 120)))
    kept: NDArray[np.bool_] = (filled > 0) & (edge == 0)
    return kept


@pytest.mark.parametrize(("width", "height"), SIZES_WH)
@pytest.mark.parametrize("shape", SHAPES[:3])
def test_an_area_is_tinted_evenly_and_its_outline_is_in_its_colour(
    shape: Shape, width: int, height: int
) -> None:
    canvas = make_canvas(width, height)
    corners = corners_of(shape, width, height)
    tint_area(canvas, corners, GREEN)
    within = canvas[inside(corners, width, height)]
    tinted = round((1 - TINT) * GREY + TINT * 240)
    assert (within.min(axis=0) >= [GREY - 1, tinted - 1, GREY - 1]).all()
    assert (within.max(axis=0) <= [GREY + 1, tinted + 1, GREY + 1]).all()
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        assert abs(canvas[(y1 + y2) // 2, (x1 + x2) // 2].astype(int) - GREEN).max() < 30


@pytest.mark.parametrize("paint", ["tint", "hatch"])
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_outside_of_an_area_is_touched(shape: Shape, paint: str) -> None:
    canvas = np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)
    before = canvas.copy()
    corners = corners_of(shape, 640, 480)
    if paint == "tint":
        tint_area(canvas, corners, GREEN)
    else:
        hatch_area(canvas, corners)
    near = np.zeros((480, 640), np.uint8)
    cv2.fillPoly(near, [corners], 255)
    cv2.polylines(near, [corners], True, 255, 6)
    assert (canvas[near == 0] == before[near == 0]).all()
    assert (canvas != before).any()


@pytest.mark.parametrize(("width", "height"), SIZES_WH)
def test_a_hatched_area_has_dark_stripes_between_what_can_be_seen(width: int, height: int) -> None:
    canvas = make_canvas(width, height, grey=200)
    corners = corners_of(SHAPES[0], width, height)
    hatch_area(canvas, corners)
    within = canvas[inside(corners, width, height)][:, 0]
    assert 0.5 < (within == 200).mean() < 0.95
    assert 0.04 < (within < 100).mean() < 0.5


def test_stripes_are_straight_over_the_parts_that_are_painted_at_once() -> None:
    canvas = make_canvas(640, 480, grey=200)
    hatch_area(canvas, corners_of(SHAPES[1], 640, 480))
    # All along a stripe, x + y is the same.
    rows = [canvas[y, 300 - y + 100 : 500 - y + 100, 0] for y in (100, 163, 164, 165, 228, 300)]
    for row in rows[1:]:
        assert (np.abs(row.astype(int) - rows[0]) > 20).mean() < 0.1


def test_painting_allocates_little_however_large_the_area_is() -> None:
    canvas = make_canvas(1920, 1080)
    corners = corners_of(SHAPES[1], 1920, 1080)
    tint_area(canvas, corners, GREEN)
    tracemalloc.start()
    tint_area(canvas, corners, GREEN)
    hatch_area(canvas, corners)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < canvas.nbytes / 4


def test_an_area_of_a_tiny_picture_is_painted() -> None:
    canvas = make_canvas(16, 16)
    tint_area(canvas, corners_of(SHAPES[0], 16, 16), GREEN)
    hatch_area(canvas, corners_of(SHAPES[2], 16, 16))
    assert find_painted(canvas).any()
