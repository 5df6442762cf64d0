"""The type of everything that is made of pixels: frames, images, canvases, masks."""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (H, W, 3) in BGR where nothing else is said
