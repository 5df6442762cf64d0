"""Counting lines painted onto a frame, in place."""

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.kernels.drawing.palette import BLACK, Colour
from stages.kernels.drawing.plates import Plates, Point
from stages.kernels.drawing.stroke import stroke_of
from stages.kernels.pixels import Pixels

LINE_COLOUR: Colour = (0, 215, 255)
ARROW_PX = 22  # at the reference size
TIP = 0.45  # of the arrow's length
EDGE_PX = 2  # of black around all of it, at the reference size: seen on any ground


def draw_segment(canvas: Pixels, ends: NDArray[np.int32], plates: Plates) -> None:
    """A segment (2, 2) in pixels; the arrow in its middle points from side A to side B.

    Side B is on the right of the way from the first end to the other, as one looks at the picture.
    No plate that is added later covers the arrow without need.
    """
    stroke = stroke_of(canvas)
    start, end = ends.astype(float)
    along = end - start
    across = np.array([-along[1], along[0]]) / max(1.0, float(np.hypot(*along)))
    middle = (start + end) / 2
    points = start, end, middle, middle + across * ARROW_PX * stroke.growth
    a, b, tail, head = (_to_point(point) for point in points)
    px, edge_px = stroke.line_px + 1, max(1, round(EDGE_PX * stroke.growth))
    for width_px, colour in ((px + edge_px, BLACK), (px, LINE_COLOUR)):
        cv2.line(canvas, a, b, colour, width_px, cv2.LINE_AA)
        cv2.arrowedLine(canvas, tail, head, colour, width_px, cv2.LINE_AA, tipLength=TIP)
    reach = round(ARROW_PX * stroke.growth * TIP)
    (left, right), (upper, lower) = (sorted(pair) for pair in zip(tail, head, strict=True))
    plates.keep_free((left - reach, upper - reach, right + reach, lower + reach))


def _to_point(xy: NDArray[np.float64]) -> Point:
    x, y = xy.round().astype(int).tolist()
    return x, y
