"""Detections of one frame: what Soft-NMS gives, stages pass on, and publish puts in a message."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.kernels.boxes import Wh, boxes_to_frame


class Detections(NamedTuple):
    """N objects of one frame, best score first. The length of the tuple is not N: see `count`."""

    boxes_xyxy: NDArray[np.float32]  # (N, 4) in pixels
    scores: NDArray[np.float32]  # (N,) after decay
    class_ids: NDArray[np.int32]  # (N,) index into the model's labels
    track_ids: NDArray[np.int64] | None = None  # (N,) None where objects are not tracked

    @property
    def count(self) -> int:
        return len(self.scores)

    def to_frame(self, network_wh: Wh, frame_wh: Wh) -> "Detections":
        """The same with boxes in pixels of the frame, given those in pixels of the network input."""
        return self._replace(boxes_xyxy=boxes_to_frame(self.boxes_xyxy, network_wh, frame_wh))
