"""Boxes that lie on the box of the same object, by how much they overlap."""

import numpy as np
from numpy.typing import NDArray

from stages.kernels.boxes import iou_matrix
from stages.kernels.detections import Detections
from stages.kernels.tracking.association import NO_ROW, Rows

_SAME_IOU = 0.75  # two boxes of different classes that overlap by this are one object
_ECHO_IOU = 0.6  # what Soft-NMS leaves of the boxes around one that was kept


def reject_echoes(owners: Rows, boxes_xyxy: NDArray[np.float32], is_low: NDArray[np.bool_]) -> None:
    """Take low boxes away from tracks where a published one lies over them."""
    low = ((owners >= 0) & is_low).nonzero()[0]
    if len(low):
        overlaps = iou_matrix(boxes_xyxy[low], boxes_xyxy[~is_low])
        owners[low[(overlaps > _ECHO_IOU).any(1)]] = NO_ROW


def find_second_boxes(detections: Detections, owners: Rows, alone: Rows) -> dict[int, int]:
    """Those `alone` that lie on another detection of another class, and that detection.

    The other one has a track, or is one of those alone that begins a track: of two new ones the
    better.
    """
    boxes, class_ids = detections.boxes_xyxy, detections.class_ids
    taken = (owners >= 0).nonzero()[0]
    others = np.concatenate([taken, alone])
    same = iou_matrix(boxes[alone], boxes[others]) > _SAME_IOU
    same &= class_ids[alone][:, None] != class_ids[others]
    second: dict[int, int] = {}
    if not same.any():
        return second
    for k, box in enumerate(alone.tolist()):
        same[k, len(taken) + k :] = False
        if same[k].any():
            second[box] = int(others[same[k].argmax()])
            same[:, len(taken) + k] = False
    return second
