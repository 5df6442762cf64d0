"""Polygons painted onto a frame, in place: tinted where something counts, hatched where not."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.kernels.drawing.palette import BLACK, Colour
from stages.kernels.drawing.stroke import stroke_of
from stages.kernels.pixels import Pixels

TINT = 0.2  # share of the colour in what is inside
SHADE = 0.6  # share of black in a stripe
STRIPE_PX = 12  # from one stripe to the next, at the reference size
BAND_ROWS = 64  # are blended at once: they stay in the processor's cache


def tint_area(canvas: Pixels, corners: NDArray[np.int32], colour: Colour) -> None:
    """A polygon (N, 2) in pixels through which the frame can be seen, with its outline."""
    for band, moved in _bands(canvas, corners):
        painted = band.copy()
        cv2.fillPoly(painted, [moved], colour)
        cv2.addWeighted(painted, TINT, band, 1 - TINT, 0, dst=band)
    _outline(canvas, corners, colour)


def hatch_area(canvas: Pixels, corners: NDArray[np.int32]) -> None:
    """A polygon (N, 2) in pixels with dark stripes from its lower left to its upper right."""
    stroke = stroke_of(canvas)
    pitch = max(4, round(STRIPE_PX * stroke.growth))
    for band, moved in _bands(canvas, corners):
        (height, width), (left, top) = band.shape[:2], (corners[0] - moved[0]).tolist()
        inside = np.zeros((height, width), np.uint8)
        cv2.fillPoly(inside, [moved], 255)
        painted = band.copy()
        # All along a stripe x + y is the same, and a multiple of the pitch in the whole picture.
        for x in range(-(left + top) % pitch, width + height + pitch, pitch):
            cv2.line(painted, (x, 0), (x - height, height), BLACK, stroke.line_px)
        cv2.addWeighted(painted, SHADE, band, 1 - SHADE, 0, dst=painted)
        cv2.copyTo(painted, inside, band)
    _outline(canvas, corners, BLACK)


def _outline(canvas: Pixels, corners: NDArray[np.int32], colour: Colour) -> None:
    cv2.polylines(canvas, [corners], True, colour, stroke_of(canvas).line_px, cv2.LINE_AA)


def _bands(
    canvas: Pixels, corners: NDArray[np.int32]
) -> Iterator[tuple[Pixels, NDArray[np.int32]]]:
    """Parts of the canvas that cover the polygon, and the polygon as each of them sees it."""
    left, top = np.maximum(corners.min(axis=0), 0).tolist()
    right, bottom = (corners.max(axis=0) + 1).tolist()
    for row in range(top, bottom, BAND_ROWS):
        band = canvas[row : min(row + BAND_ROWS, bottom), left:right]
        yield band, corners - np.array([left, row], np.int32)
