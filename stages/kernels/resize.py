"""Frames onto the detector's grid, and its boxes back onto the frame.

The frame is warped: width and height are scaled independently (keep_ratio False), as in training.
So every cell of the network input carries picture, and the way back is one factor per axis.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Wh = tuple[int, int]


class ResizeError(ValueError):
    """A frame or a tensor that cannot be resized in place."""


def warp_into(frame: NDArray[np.uint8], tensor: NDArray[np.uint8]) -> None:
    """Fills `tensor` (H, W, 3) with the whole of `frame`, bilinear, without a copy between."""
    check_frame(frame)
    height, width = tensor.shape[:2]
    written = cv2.resize(frame, (width, height), dst=tensor, interpolation=cv2.INTER_LINEAR)
    # OpenCV allocates a new array, silently, when the type or shape of `dst` does not suit it.
    if written is not tensor:
        raise ResizeError(
            f"tensor: expected uint8 (H, W, 3), got {tensor.dtype} {tensor.shape}; nothing written"
        )


def check_frame(frame: NDArray[np.uint8]) -> None:
    """Raises ResizeError unless `frame` is uint8 (H, W, 3) with at least one pixel."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.size == 0:
        raise ResizeError(f"frame: expected uint8 (H, W, 3) BGR, got {frame.dtype} {frame.shape}")


def boxes_to_frame(
    boxes_net: NDArray[np.float32],
    network_wh: Wh,
    frame_wh: Wh,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Boxes (N, 4) xyxy of the network input in pixels of the frame; `out` may be `boxes_net`."""
    scale_x = frame_wh[0] / network_wh[0]
    scale_y = frame_wh[1] / network_wh[1]
    scale = np.array([scale_x, scale_y, scale_x, scale_y], np.float32)
    return np.multiply(boxes_net, scale, out=out)
