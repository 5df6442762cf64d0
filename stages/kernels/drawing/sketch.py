"""The picture that somebody lays zones and lines out on: a scale, and a number at each corner."""

import cv2

from stages.kernels.drawing.palette import BLACK, WHITE, Colour, zone_colour
from stages.kernels.drawing.plates import Plates
from stages.kernels.drawing.region_painter import draw_regions, to_pixels
from stages.kernels.drawing.regions import NO_COUNTS, Place, Regions
from stages.kernels.drawing.segments import LINE_COLOUR
from stages.kernels.pixels import Pixels

GRID = tuple(i / 10 for i in range(1, 10))  # shares of the picture that have a line
GRID_OPACITY = 0.3


def draw_sketch(canvas: Pixels, regions: Regions) -> None:
    """Paint them with their names. Corners have the numbers that messages call them by, from 0."""
    plates = Plates(canvas)
    _draw_grid(canvas)
    draw_regions(canvas, regions, NO_COUNTS, plates)
    for number, zone in enumerate(regions.zones):
        _number_corners(canvas, zone.polygon, zone_colour(number), plates)
    for number, polygon in enumerate(regions.ignored):
        left, upper = to_pixels(canvas, polygon).min(axis=0).tolist()
        plates.add(f"ignore[{number}]", BLACK, (left, upper))
        _number_corners(canvas, polygon, BLACK, plates)
    for line in regions.lines:
        _name_ends(canvas, line.start, line.end, plates)
    _label_grid(canvas, plates)
    plates.draw()


def _draw_grid(canvas: Pixels) -> None:
    height, width = canvas.shape[:2]
    ruled = canvas.copy()
    for x, y in to_pixels(canvas, [(share, share) for share in GRID]).tolist():
        cv2.line(ruled, (x, 0), (x, height), WHITE)
        cv2.line(ruled, (0, y), (width, y), WHITE)
    cv2.addWeighted(ruled, GRID_OPACITY, canvas, 1 - GRID_OPACITY, 0, dst=canvas)


def _label_grid(canvas: Pixels, plates: Plates) -> None:
    """At the upper and the left edge, or where something else stands, at the other one."""
    height, width = canvas.shape[:2]
    for share in GRID:
        [[x, y]] = to_pixels(canvas, [(share, share)]).tolist()
        plates.add(f"{share:g}", WHITE, (x, 0), (x, height))
        plates.add(f"{share:g}", WHITE, (0, y), (width, y))


def _number_corners(
    canvas: Pixels, polygon: tuple[Place, ...], colour: Colour, plates: Plates
) -> None:
    for number, (x, y) in enumerate(to_pixels(canvas, polygon).tolist()):
        plates.add_to_box([f"{number}"], colour, (x, y, x, y))


def _name_ends(canvas: Pixels, start: Place, end: Place, plates: Plates) -> None:
    for name, (x, y) in zip(("from", "to"), to_pixels(canvas, (start, end)).tolist(), strict=True):
        plates.add_to_box([name], LINE_COLOUR, (x, y, x, y))
