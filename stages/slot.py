"""What a slot holds of one frame, from pixels to candidates, and how detections travel on."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from pipeline.memory.ring import AreaSpec

# Detections of a frame leave postprocess as an array of these: 24 bytes each.
DETECTION = np.dtype([("box_xyxy", np.float32, 4), ("score", np.float32), ("class_id", np.int32)])
_DETECTION = struct.Struct("5fi")  # the same, as plain numbers


class SlotShape(msgspec.Struct, frozen=True):
    """What the model and the graph ask of a slot, whatever the camera."""

    network_wh: tuple[int, int]
    max_rois: int
    classes: int
    canvas: bool  # a second picture to draw on

    def areas(self, width: int, height: int) -> dict[str, AreaSpec]:
        """The parts of a slot for frames of this size."""
        network_w, network_h = self.network_wh
        areas = {
            "frame": AreaSpec((height, width, 3), "u1"),  # BGR
            "tensor": AreaSpec((network_h, network_w, 3), "u1"),  # the network's input
            "boxes": AreaSpec((self.max_rois, 4), "f4"),  # xyxy in network pixels
            "scores": AreaSpec((self.max_rois, self.classes), "f4"),
            "rois": AreaSpec((1,), "i4"),  # how many rows of the two above are meant
        }
        if self.canvas:
            areas["canvas"] = AreaSpec((height, width, 3), "u1")
        return areas


class DetectionArrays(NamedTuple):
    """Detections of one frame in source pixels, best first."""

    boxes_xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int32]


def encode_detections(
    boxes_xyxy: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
    class_ids: npt.NDArray[np.int32],
) -> bytes:
    records = np.empty(len(scores), DETECTION)
    records["box_xyxy"], records["score"], records["class_id"] = boxes_xyxy, scores, class_ids
    return records.tobytes()


def decode_detections(body: bytes) -> DetectionArrays:
    records = np.frombuffer(body, DETECTION)
    return DetectionArrays(records["box_xyxy"], records["score"], records["class_id"])


def iterate_detections(body: bytes) -> Iterator[tuple[float, float, float, float, float, int]]:
    """Yields x1, y1, x2, y2, score and class_id of one after the other."""
    return _DETECTION.iter_unpack(body)
