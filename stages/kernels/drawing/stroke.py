"""How thick lines and how large letters are on a frame of some size."""

from typing import NamedTuple

from stages.kernels.pixels import Pixels

# At 640x480 a stroke of 2 px and letters of 11 px can be read; both grow with the frame.
REFERENCE_WH = (640, 480)
LINE_PX = 1.6
FONT_SCALE = 0.45
PADDING_PX = 3
SMALLEST_GROWTH = 0.8  # smaller letters cannot be read, however small the frame is


class Stroke(NamedTuple):
    """Sizes in pixels of the canvas."""

    line_px: int
    font_scale: float
    font_weight: int
    padding_px: int  # between a text and the edge of its plate
    growth: float  # against the reference, for lengths of other things


def stroke_of(canvas: Pixels) -> Stroke:
    """The sizes for a canvas, by the side that is shorter in the shape of the reference."""
    height, width = canvas.shape[:2]
    growth = max(SMALLEST_GROWTH, min(width / REFERENCE_WH[0], height / REFERENCE_WH[1]))
    scale = FONT_SCALE * growth
    return Stroke(
        line_px=max(1, round(LINE_PX * growth)),
        font_scale=scale,
        font_weight=max(1, round(scale)),
        padding_px=max(2, round(PADDING_PX * growth)),
        growth=growth,
    )
