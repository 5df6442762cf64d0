"""A picture without its light: the local contrast of blocks of pixels.

Lamps, clouds, exposure and gain multiply the brightness of whole regions. In the logarithm of the
brightness that is a sum, so a block less its surroundings does not change with them.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.kernels.boxes import Wh
from stages.kernels.pixels import Pixels

Blocks = NDArray[np.float32]  # (rows, columns), a number for each block

BLOCK_PX = 4  # of the network's input: the noise of 16 pixels is a quarter of that of one
_SURROUNDINGS = 15  # blocks across; a larger object shows at its edges
_LEAST_SHARE = 1e-3  # of surroundings that are not ignored: less than one block
_DARK = 24.0  # added to the brightness: where it is near 0, one level is noise
_LEVELS = np.arange(256, dtype=np.float32)
# One unit is one level of brightness at medium grey.
_LOGARITHMS = (128 * np.log(_LEVELS + _DARK)).astype(np.float32)


def block_grid(picture_wh: Wh) -> tuple[int, int]:
    """Rows and columns of blocks; a side that is no multiple of `BLOCK_PX` has larger ones."""
    width, height = picture_wh
    return max(height // BLOCK_PX, 1), max(width // BLOCK_PX, 1)


class Relief:
    """Computes the relief of pictures of one size; keeps its scratch memory.

    Args:
        ignored: blocks (rows, columns) that are no surroundings of others.
    """

    def __init__(self, picture_wh: Wh, ignored: NDArray[np.bool_] | None = None) -> None:
        width, height = picture_wh
        self.shape = block_grid(picture_wh)
        self._counted: Blocks | None = None  # 1 or 0 for each block
        if ignored is not None and ignored.any():
            self._counted = (~ignored).astype(np.float32)
            self._counted_around = np.maximum(_mean_around(self._counted), _LEAST_SHARE)
        self._grey = np.empty((height, width), np.uint8)
        rows, columns = self.shape
        self._quarters = np.empty((2 * rows, 2 * columns), np.uint8)
        self._means = np.empty(self.shape, np.uint8)
        self._light = np.empty(self.shape, np.float32)

    def read(self, picture: Pixels, out: Blocks) -> None:
        """Write the relief of `picture` (h, w, 3) into `out` (rows, columns)."""
        cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY, dst=self._grey)
        # Twice by half: to a quarter at once takes four times as long.
        for source, target in ((self._grey, self._quarters), (self._quarters, self._means)):
            size = target.shape[1], target.shape[0]
            cv2.resize(source, size, dst=target, interpolation=cv2.INTER_AREA)
        cv2.LUT(self._means, _LOGARITHMS, dst=out)
        if self._counted is None:
            _mean_around(out, self._light)
        else:
            _mean_around(out * self._counted, self._light)
            np.divide(self._light, self._counted_around, out=self._light)
        np.subtract(out, self._light, out=out)


def _mean_around(blocks: Blocks, out: Blocks | None = None) -> Blocks:
    return np.asarray(cv2.blur(blocks, (_SURROUNDINGS, _SURROUNDINGS), dst=out), np.float32)
