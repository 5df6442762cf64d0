"""Grey canvases, and what was painted on them."""

import numpy as np
from numpy.typing import NDArray

from stages.kernels.drawing.palette import Colour
from stages.kernels.pixels import Pixels

GREY = 40
SIZES_WH = [(320, 240), (640, 480), (1280, 720), (3840, 2160), (1080, 1920)]


def make_canvas(width: int, height: int, grey: int = GREY) -> Pixels:
    return np.full((height, width, 3), grey, np.uint8)


def find_painted(canvas: Pixels) -> NDArray[np.bool_]:
    """Which pixels (H, W) are no longer as they were made."""
    painted: NDArray[np.bool_] = (canvas != GREY).any(axis=2)
    return painted


def find_colour(canvas: Pixels, colour: Colour) -> NDArray[np.bool_]:
    """Which pixels (H, W) have exactly this colour."""
    found: NDArray[np.bool_] = (canvas == colour).all(axis=2)
    return found


def find_like(canvas: Pixels, colour: Colour) -> NDArray[np.bool_]:
    """Which pixels (H, W) are of this colour, or nearly: smooth lines mix it at their edges."""
    away: NDArray[np.int64] = np.abs(canvas.astype(np.int64) - np.array(colour))
    found: NDArray[np.bool_] = away.max(axis=2) < 60
    return found


def extent(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is set, all inside."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])
