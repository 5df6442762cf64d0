import numpy as np
import pytest

from stages.kernels.drawing.palette import WHITE, zone_colour
from stages.kernels.drawing.plates import Plates
from stages.kernels.drawing.region_painter import draw_regions, to_pixels
from stages.kernels.drawing.regions import NO_COUNTS, CountingLine, Counts, Regions, Zone
from stages.kernels.drawing.segments import LINE_COLOUR
from stages.kernels.pixels import Pixels
from tests.stages.kernels.drawing.canvases import (
    SIZES_WH,
    find_colour,
    find_like,
    find_painted,
    make_canvas,
)

YARD = Zone("yard", ((0.1, 0.4), (0.4, 0.4), (0.4, 0.9), (0.1, 0.9)))
DRIVE = CountingLine("drive", (0.7, 0.4), (0.7, 0.9), "in", "out")


def draw(
    regions: Regions, counts: Counts = NO_COUNTS, size: tuple[int, int] = (640, 480)
) -> Pixels:
    canvas = make_canvas(*size)
    plates = Plates(canvas)
    draw_regions(canvas, regions, counts, plates)
    plates.draw()
    return canvas


def draw_plate(text: str, colour: tuple[int, int, int], corner: tuple[int, int]) -> Pixels:
    canvas = make_canvas(640, 480)
    plates = Plates(canvas)
    plates.add(text, colour, corner)
    plates.draw()
    return canvas


def has_text(
    canvas: Pixels, text: str, colour: tuple[int, int, int], corner: tuple[int, int]
) -> bool:
    """Whether a plate with this text stands there, pixel by pixel."""
    expected = draw_plate(text, colour, corner)
    plate = find_painted(expected)
    return bool((canvas[plate] == expected[plate]).all())


def test_without_regions_nothing_is_painted() -> None:
    assert not find_painted(draw(Regions(), Counts({"yard": 1}, {"drive": {"in": 1}}))).any()


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (NO_COUNTS, "yard"),
        (Counts({"other": 3}), "yard"),
        (Counts({"yard": 0}), "yard: 0 inside"),
        (Counts({"yard": 12}), "yard: 12 inside"),
    ],
)
def test_a_zone_says_how_many_are_inside(counts: Counts, text: str) -> None:
    canvas = draw(Regions(zones=(YARD,)), counts)
    assert has_text(canvas, text, zone_colour(0), (64, 192))


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (NO_COUNTS, "drive"),
        (Counts(crossed={"drive": {}}), "drive: in 0 / out 0"),
        (Counts(crossed={"drive": {"out": 1, "in": 13}}), "drive: in 13 / out 1"),
    ],
)
def test_a_line_says_how_many_crossed_it_each_way(counts: Counts, text: str) -> None:
    assert has_text(draw(Regions(lines=(DRIVE,)), counts), text, LINE_COLOUR, (448, 192))


def test_a_line_with_one_name_for_both_directions_has_one_number() -> None:
    line = CountingLine("drive", DRIVE.start, DRIVE.end, "passed", "passed")
    canvas = draw(Regions(lines=(line,)), Counts(crossed={"drive": {"passed": 4}}))
    assert has_text(canvas, "drive: passed 4", LINE_COLOUR, (448, 192))


@pytest.mark.parametrize(("width", "height"), SIZES_WH)
def test_regions_keep_their_place_at_any_size(width: int, height: int) -> None:
    canvas = draw(Regions(zones=(YARD,), lines=(DRIVE,)), size=(width, height))
    assert find_like(canvas, zone_colour(0))[round(0.9 * height), round(0.25 * width)]
    assert find_like(canvas, LINE_COLOUR)[round(0.85 * height), round(0.7 * width)]
    assert not find_painted(canvas)[:, round(0.9 * width) :].any()


def test_zones_are_told_apart_and_ignored_parts_are_dark() -> None:
    right = Zone("gate", tuple((x + 0.5, y) for x, y in YARD.polygon))
    ignored = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.2), (0.0, 0.2))
    canvas = draw(Regions(zones=(YARD, right), ignored=(ignored,)))
    assert tuple(canvas[432, 160]) == zone_colour(0)
    assert tuple(canvas[432, 480]) == zone_colour(1)
    assert canvas[10:90].mean() < 35


def test_names_of_zones_in_one_place_are_all_seen() -> None:
    zones = tuple(Zone(name, YARD.polygon) for name in ("yard", "lawn", "path"))
    canvas = draw(Regions(zones=zones))
    for number, zone in enumerate(zones):
        colour = zone_colour(number)
        plate = find_colour(draw_plate(zone.name, colour, (300, 300)), colour)
        assert find_colour(canvas, colour).sum() >= plate.sum()


def test_counts_of_a_line_are_seen_though_something_stands_at_both_of_its_ends() -> None:
    """A zone that begins where the line does, and the caption of the picture."""
    canvas = make_canvas(640, 480)
    plates = Plates(canvas)
    plates.add("gate  5.0 fps", WHITE, (0, 480))
    hall = Zone("hall", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)))
    side = CountingLine("side", (0.02, 0.0), (0.02, 1.0), "in", "out")
    crossed = Counts({"hall": 3}, {"side": {"in": 1, "out": 2}})
    draw_regions(canvas, Regions(zones=(hall,), lines=(side,)), crossed, plates)
    plates.draw()
    assert has_text(canvas, "hall: 3 inside", zone_colour(0), (0, 0))
    assert has_text(canvas, "side: in 1 / out 2", LINE_COLOUR, (13, 120))


def test_the_lower_right_corner_is_inside_of_the_picture() -> None:
    canvas = make_canvas(64, 48)
    assert to_pixels(canvas, [(0.0, 0.0), (1.0, 1.0)]).tolist() == [[0, 0], [63, 47]]
    assert to_pixels(canvas, [(0.5, 0.5)]).dtype == np.int32
