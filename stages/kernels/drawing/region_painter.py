"""Zones, counting lines and ignored parts of the picture painted onto a frame, in place."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.kernels.drawing.areas import hatch_area, tint_area
from stages.kernels.drawing.palette import zone_colour
from stages.kernels.drawing.plates import Plates, Point
from stages.kernels.drawing.regions import CountingLine, Counts, Place, Regions, Zone
from stages.kernels.drawing.segments import LINE_COLOUR, draw_segment
from stages.kernels.pixels import Pixels


def draw_regions(canvas: Pixels, regions: Regions, counts: Counts, plates: Plates) -> None:
    """Paint all of them, below whatever is painted later. Their texts go to `plates`."""
    for polygon in regions.ignored:
        hatch_area(canvas, to_pixels(canvas, polygon))
    for number, zone in enumerate(regions.zones):
        corners, colour = to_pixels(canvas, zone.polygon), zone_colour(number)
        tint_area(canvas, corners, colour)
        plates.add(_zone_text(zone, counts), colour, *_upper_left_first(corners))
    for line in regions.lines:
        ends = to_pixels(canvas, (line.start, line.end))
        draw_segment(canvas, ends, plates)
        plates.add(_line_text(line, counts), LINE_COLOUR, *_places_on(ends))


def to_pixels(canvas: Pixels, places: Sequence[Place]) -> NDArray[np.int32]:
    """(N, 2) of the canvas."""
    height, width = canvas.shape[:2]
    pixels = (np.array(places) * (width, height)).round().astype(np.int32)
    return np.minimum(pixels, np.array([width - 1, height - 1], np.int32))


def _zone_text(zone: Zone, counts: Counts) -> str:
    inside = counts.inside.get(zone.name)
    return zone.name if inside is None else f"{zone.name}: {inside} inside"


def _line_text(line: CountingLine, counts: Counts) -> str:
    crossed = counts.crossed.get(line.name)
    if crossed is None:
        return line.name
    directions = dict.fromkeys((line.a_to_b, line.b_to_a))  # both may have one name
    shown = " / ".join(f"{direction} {crossed.get(direction, 0)}" for direction in directions)
    return f"{line.name}: {shown}"


def _upper_left_first(corners: NDArray[np.int32]) -> list[Point]:
    return [(x, y) for x, y in sorted(corners.tolist(), key=lambda xy: xy[0] + 2 * xy[1])]


def _places_on(ends: NDArray[np.int32]) -> list[Point]:
    """The ends of a line, the upper one first, and places between them."""
    upper, lower = sorted(ends.tolist(), key=lambda xy: (xy[1], xy[0]))
    between = np.linspace(upper, lower, 5)[1:-1].round().astype(int)
    return [(x, y) for x, y in (upper, lower, *between.tolist())]
