import numpy as np
import pytest

from stages.kernels.drawing.plates import Plates
from stages.kernels.drawing.segments import LINE_COLOUR, draw_segment
from stages.kernels.pixels import Pixels
from stages.kernels.regions.segments import Segments
from tests.stages.kernels.drawing.canvases import (
    SIZES_WH,
    extent,
    find_like,
    find_painted,
    make_canvas,
)


def draw(start: tuple[float, float], end: tuple[float, float], width: int, height: int) -> Pixels:
    canvas = make_canvas(width, height)
    ends = np.round(np.array([start, end]) * [width, height]).astype(np.int32)
    draw_segment(canvas, ends, Plates(canvas))
    return canvas


@pytest.mark.parametrize(("width", "height"), SIZES_WH)
@pytest.mark.parametrize(
    ("start", "end"),
    [((0.2, 0.5), (0.8, 0.5)), ((0.8, 0.5), (0.2, 0.5)), ((0.5, 0.8), (0.5, 0.2)),
     ((0.3, 0.2), (0.6, 0.7))],
)  # fmt: skip
def test_the_arrow_points_in_the_direction_that_is_counted_as_a_to_b(
    start: tuple[float, float], end: tuple[float, float], width: int, height: int
) -> None:
    """The centre of all that is painted lies on side B, as those that count see the sides."""
    painted = find_painted(draw(start, end, width, height))
    rows, columns = painted.nonzero()
    centre = np.array([[[columns.mean(), rows.mean()]]])
    ends = np.array([start, end]) * [width, height]
    middle = ends.mean(axis=0)
    opposite = 2 * middle - centre
    segments = Segments(ends[:1], ends[1:])
    assert segments.crossings(opposite, centre).item() == 1


@pytest.mark.parametrize(("width", "height"), SIZES_WH)
@pytest.mark.parametrize("grey", [20, 235])
def test_a_line_is_seen_on_bright_and_on_dark_ground(grey: int, width: int, height: int) -> None:
    canvas = make_canvas(width, height, grey)
    ends = np.array([[width // 5, height // 2], [4 * width // 5, height // 2]], np.int32)
    draw_segment(canvas, ends, Plates(canvas))
    across = canvas[:, width // 4 : width // 4 + 1]
    _, top, _, bottom = extent(find_like(across, LINE_COLOUR))
    assert bottom - top >= max(1, height / 480)
    around = across[top - 3 : top].max(axis=2), across[bottom + 1 : bottom + 4].max(axis=2)
    assert max(edge.min() for edge in around) < 110


def test_no_text_covers_the_arrow() -> None:
    canvas = make_canvas(640, 480)
    plates = Plates(canvas)
    draw_segment(canvas, np.array([[200, 240], [440, 240]], np.int32), plates)
    before = canvas.copy()
    plates.add("person 17 87%", (255, 0, 0), (300, 262), (0, 480))
    plates.draw()
    assert (canvas[230:290] == before[230:290]).all()


@pytest.mark.parametrize("ends", [[[0, 0], [0, 0]], [[0, 0], [639, 0]], [[639, 479], [638, 479]]])
def test_lines_at_the_border_are_no_mistake(ends: list[list[int]]) -> None:
    canvas = make_canvas(640, 480)
    draw_segment(canvas, np.array(ends, np.int32), Plates(canvas))
    assert find_painted(canvas).any()
