"""Detections of one frame: what Soft-NMS gives, stages pass on, and publish puts in a message."""

import struct
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from stages.kernels.boxes import Wh, boxes_to_frame

# Encoded: the head, then N records of 24 bytes, then N track ids where objects are tracked.
_HEAD = struct.Struct("=i?3x")  # N, and whether track ids follow
_RECORD = np.dtype([("box_xyxy", np.float32, 4), ("score", np.float32), ("class_id", np.int32)])
_TRACK_ID = np.dtype(np.int64)

NO_TRACK = -1  # the track of an object that has none yet, among others that have one


class Detections(msgspec.Struct, frozen=True, eq=False):
    """N objects of one frame, best score first; N is its length."""

    boxes_xyxy: NDArray[np.float32]  # (N, 4) in pixels
    scores: NDArray[np.float32]  # (N,) after decay
    class_ids: NDArray[np.int32]  # (N,) index into the model's labels
    track_ids: NDArray[np.int64] | None = (
        None  # (N,), or NO_TRACK; None where objects are not tracked
    )

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Detections":
        """Those of the given rows, in their order."""
        return Detections(
            self.boxes_xyxy[rows],
            self.scores[rows],
            self.class_ids[rows],
            None if self.track_ids is None else self.track_ids[rows],
        )

    def to_frame(self, network_wh: Wh, frame_wh: Wh) -> "Detections":
        """With boxes in pixels of the frame, where they are in pixels of the network input."""
        boxes_xyxy = boxes_to_frame(self.boxes_xyxy, network_wh, frame_wh)
        return msgspec.structs.replace(self, boxes_xyxy=boxes_xyxy)

    def iterate(self) -> Iterator[tuple[list[float], float, int, int | None]]:
        """Box, score, class_id and track_id of one object after the other, as plain numbers."""
        boxes, scores, class_ids = (
            self.boxes_xyxy.tolist(), self.scores.tolist(), self.class_ids.tolist()
        )  # fmt: skip
        track_ids: list[int | None] = [None] * len(self)
        if self.track_ids is not None:
            track_ids = [None if i == NO_TRACK else i for i in self.track_ids.tolist()]
        return zip(boxes, scores, class_ids, track_ids, strict=True)


NO_DETECTIONS = Detections(
    np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32)
)


def encoded_size(count: int) -> int:
    """Bytes of so many detections with tracks, encoded."""
    return _HEAD.size + count * (_RECORD.itemsize + _TRACK_ID.itemsize)


def encode_detections(detections: Detections) -> bytes:
    records = np.empty(len(detections), _RECORD)
    records["box_xyxy"], records["score"] = detections.boxes_xyxy, detections.scores
    records["class_id"] = detections.class_ids
    if detections.track_ids is None:
        return _HEAD.pack(len(detections), False) + records.tobytes()
    return _HEAD.pack(len(detections), True) + records.tobytes() + detections.track_ids.tobytes()


def decode_detections(data: bytes) -> Detections:
    count, is_tracked = _HEAD.unpack_from(data)
    records = np.frombuffer(data, _RECORD, count, _HEAD.size)
    ids_at = _HEAD.size + records.nbytes
    track_ids = np.frombuffer(data, _TRACK_ID, count, ids_at) if is_tracked else None
    return Detections(records["box_xyxy"], records["score"], records["class_id"], track_ids)
