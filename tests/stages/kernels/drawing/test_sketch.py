import pytest

from stages.kernels.drawing.palette import WHITE, zone_colour
from stages.kernels.drawing.plates import Plates
from stages.kernels.drawing.region_painter import draw_regions
from stages.kernels.drawing.regions import NO_COUNTS, CountingLine, Regions, Zone
from stages.kernels.drawing.segments import LINE_COLOUR
from stages.kernels.drawing.sketch import draw_sketch
from stages.kernels.drawing.stroke import stroke_of
from tests.stages.kernels.drawing.canvases import SIZES_WH, find_colour, find_painted, make_canvas

CORNERS = ((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7))
NOWHERE = Regions()


@pytest.mark.parametrize(("width", "height"), SIZES_WH)
def test_the_scale_is_on_every_tenth(width: int, height: int) -> None:
    canvas = make_canvas(width, height)
    draw_sketch(canvas, NOWHERE)
    painted = find_painted(canvas)
    free_row, free_column = painted[round(0.55 * height)], painted[:, round(0.55 * width)]
    for tenth in range(1, 10):
        assert free_row[round(tenth / 10 * width)]
        assert free_column[round(tenth / 10 * height)]
    assert free_row[width // 3 :].sum() <= 8  # the rest of the picture is seen as it is
    assert find_colour(canvas, WHITE).any()  # plates with numbers


@pytest.mark.parametrize(("width", "height"), SIZES_WH)
def test_each_corner_has_a_number(width: int, height: int) -> None:
    canvas, without = make_canvas(width, height), make_canvas(width, height)
    regions = Regions(zones=(Zone("yard", CORNERS),))
    draw_sketch(canvas, regions)
    plates = Plates(without)
    draw_regions(without, regions, NO_COUNTS, plates)
    plates.draw()
    added = find_colour(canvas, zone_colour(0)) & ~find_colour(without, zone_colour(0))
    stroke = stroke_of(canvas)
    reach = round(30 * stroke.growth)
    for x, y in CORNERS:
        column, row = round(x * width), round(y * height)
        near = added[row - reach : row + reach, column - reach : column + reach]
        assert near.sum() > 80 * stroke.growth**2


def test_a_line_says_which_end_is_which() -> None:
    one, other = make_canvas(640, 480), make_canvas(640, 480)
    start, end = (0.3, 0.5), (0.7, 0.5)
    draw_sketch(one, Regions(lines=(CountingLine("drive", start, end, "in", "out"),)))
    draw_sketch(other, Regions(lines=(CountingLine("drive", end, start, "in", "out"),)))
    left = slice(200, 300), slice(150, 250)
    assert find_colour(one[left], LINE_COLOUR).any()
    assert (one[left] != other[left]).any()


def test_an_ignored_part_is_named_and_numbered() -> None:
    canvas, bare = make_canvas(640, 480, grey=200), make_canvas(640, 480, grey=200)
    draw_sketch(canvas, Regions(ignored=(CORNERS,)))
    draw_sketch(bare, NOWHERE)
    changed = (canvas != bare).any(axis=2)
    assert changed[120:144, 180:260].any()  # above its upper left corner
    assert changed[300:360, 250:400].any()  # stripes
