"""Axis-aligned boxes: area, overlap, clipping, scaling. Boxes are float32 (N, 4) xyxy in pixels."""

import numpy as np
from numpy.typing import NDArray

from stages.kernels.fit import Place

Wh = tuple[int, int]

# The smallest area in px^2 that counts in a union: two boxes without area give IoU 0, not NaN.
MIN_AREA = np.float32(1e-6)
# No sensor is a million pixels wide: a coordinate beyond this, or NaN, is a broken box.
MAX_COORDINATE_PX = 1e6


def box_area(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Area (N,) in px^2; a box with x2 <= x1 or y2 <= y1 has none."""
    width: NDArray[np.float32] = np.maximum(boxes[:, 2] - boxes[:, 0], 0)
    height = np.maximum(boxes[:, 3] - boxes[:, 1], 0)
    width *= height
    return width


def iou_matrix(
    boxes: NDArray[np.float32], others: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """IoU of every box with every other (N, M), or with its own kind (N, N) if `others` is None."""
    others = boxes if others is None else others
    x1, y1, x2, y2 = np.ascontiguousarray(boxes.T)
    other_x1, other_y1, other_x2, other_y2 = np.ascontiguousarray(others.T)
    # Three matrices, used again and again: fresh memory costs more here than arithmetic.
    width: NDArray[np.float32] = np.minimum.outer(x2, other_x2)  # (N, M)
    highest_start = np.maximum.outer(x1, other_x1)
    width -= highest_start
    height = np.minimum.outer(y2, other_y2)
    height -= np.maximum.outer(y1, other_y1, out=highest_start)
    np.maximum(width, 0, out=width)
    np.maximum(height, 0, out=height)
    width *= height
    overlap, union = width, height
    area = np.maximum(box_area(boxes), MIN_AREA)
    np.add.outer(area, np.maximum(box_area(others), MIN_AREA), out=union)
    union -= overlap
    overlap /= union
    return overlap


def clip_boxes(
    boxes: NDArray[np.float32], frame_wh: Wh, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Boxes with every corner moved into the frame; `out` may be `boxes`."""
    width, height = frame_wh
    highest = np.array([width, height, width, height], boxes.dtype)
    return np.clip(boxes, 0, highest, out=out)


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


def boxes_from_place(
    boxes_net: NDArray[np.float32], place: Place, frame_wh: Wh
) -> NDArray[np.float32]:
    """Boxes (N, 4) xyxy of the network input in pixels of the frame that has its place there.

    Clipped to the frame, before they are scaled: a warped frame covers the whole input, where boxes
    lie already, and stay as they are to the last bit.
    """
    boxes = boxes_net - np.array([place.x, place.y, place.x, place.y], np.float32)
    size = (place.width, place.height)
    return boxes_to_frame(clip_boxes(boxes, size, out=boxes), size, frame_wh, out=boxes)
