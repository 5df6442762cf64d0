"""Which way up a picture is stored, and turning it upright. Numbers are those of EXIF, 1 to 8."""

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.kernels.pixels import Pixels

# The signs of a, b, c and d in a display matrix: x' = ax + cy, y' = bx + dy.
_OF_SIGNS = {
    (1, 0, 0, 1): 1, (-1, 0, 0, 1): 2, (-1, 0, 0, -1): 3, (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5, (0, 1, -1, 0): 6, (0, -1, -1, 0): 7, (0, -1, 1, 0): 8,
}  # fmt: skip
_FLIPS = {2: 1, 3: -1, 4: 0}
_TURNS = {6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}


def orientation_of(matrix: NDArray[np.int32]) -> int:
    """The orientation that a display matrix (9,) asks for: the nearest right angle.

    The rows are (a, b, u), (c, d, v), (x, y, w), as in ISO/IEC 14496-12, 6.2.2.
    """
    a, b, _, c, d = (float(value) for value in matrix[:5])
    if abs(a * d) >= abs(b * c):
        signs = np.sign(a), 0, 0, np.sign(d)
    else:
        signs = 0, np.sign(b), np.sign(c), 0
    return _OF_SIGNS.get((int(signs[0]), int(signs[1]), int(signs[2]), int(signs[3])), 1)


def turn_into(pixels: Pixels, orientation: int, out: Pixels) -> None:
    """Fill `out` with pixels (H, W) or (H, W, 3), upright; `out` has the size of the result."""
    if orientation == 1:
        np.copyto(out, pixels)
    elif orientation in _FLIPS:
        cv2.flip(pixels, _FLIPS[orientation], out)
    elif orientation in _TURNS:
        cv2.rotate(pixels, _TURNS[orientation], out)
    else:  # 5: along the main diagonal; 7: along the other one
        cv2.transpose(pixels if orientation == 5 else cv2.flip(pixels, -1), out)
