"""Frames onto the detector's grid; `boxes.boxes_to_frame` is the way back.

The frame is warped: width and height are scaled independently (keep_ratio False), as in training.
So no part of the network input is padding, and the way back is one factor per axis.
"""

import cv2
import numpy as np

from stages.kernels.pixels import Pixels

# Bilinear, in fixed point: the same to the last bit on ARM and x86. `INTER_LINEAR` is not, as each
# processor has its own way of it there.
BILINEAR = cv2.INTER_LINEAR_EXACT


class ResizeError(ValueError):
    """A frame or a tensor that cannot be resized in place."""


def warp_into(frame: Pixels, tensor: Pixels, interpolation: int = BILINEAR) -> None:
    """Fills `tensor` (H, W, 3) with the whole of `frame`, without a copy between."""
    check_frame(frame)
    height, width = tensor.shape[:2]
    written = cv2.resize(frame, (width, height), dst=tensor, interpolation=interpolation)
    # OpenCV allocates a new array, silently, when the type or shape of `dst` does not suit it.
    if written is not tensor:
        raise ResizeError(
            f"tensor: expected uint8 (H, W, 3), got {tensor.dtype} {tensor.shape}; nothing written"
        )


def check_frame(frame: Pixels) -> None:
    """Raises ResizeError unless `frame` is uint8 (H, W, 3) with at least one pixel."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
        raise ResizeError(f"frame: expected uint8 (H, W, 3) BGR, got {frame.dtype} {frame.shape}")
