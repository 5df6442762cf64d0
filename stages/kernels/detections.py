"""Detections of one frame: what Soft-NMS gives, stages pass on, and publish puts in a message."""

import struct
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from stages.kernels.boxes import boxes_from_place
from stages.kernels.fit import Place, Wh

# Encoded: the head, then one column after the other. Records, each with all of one object, take
# three times as long.
_HEAD = struct.Struct("=i?3x")  # N, and whether track ids follow
_OBJECT_BYTES, _TRACK_ID_BYTES = 4 * 4 + 4 + 4, 8

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

    def to_frame(self, place: Place, frame_wh: Wh) -> "Detections":
        """With boxes in pixels of the frame, which has its place in the network input.

        What lies in the padding alone is left out.
        """
        boxes = boxes_from_place(self.boxes_xyxy, place, frame_wh)
        found = msgspec.structs.replace(self, boxes_xyxy=boxes)
        is_there = np.logical_and.reduce(boxes[:, 2:] > boxes[:, :2], axis=1)
        return found if is_there.all() else found.take(is_there)

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
    return _HEAD.size + count * (_OBJECT_BYTES + _TRACK_ID_BYTES)


def encode_detections(detections: Detections) -> bytes:
    columns = [
        _HEAD.pack(len(detections), detections.track_ids is not None),
        detections.boxes_xyxy.tobytes(),
        detections.scores.tobytes(),
        detections.class_ids.tobytes(),
    ]
    if detections.track_ids is not None:
        columns.append(detections.track_ids.tobytes())
    return b"".join(columns)


def decode_detections(data: bytes) -> Detections:
    count, is_tracked = _HEAD.unpack_from(data)
    at = _HEAD.size
    boxes_xyxy = np.frombuffer(data, np.float32, 4 * count, at).reshape(count, 4)
    scores = np.frombuffer(data, np.float32, count, at + 16 * count)
    class_ids = np.frombuffer(data, np.int32, count, at + 20 * count)
    track_ids = None
    if is_tracked:
        track_ids = np.frombuffer(data, np.int64, count, at + _OBJECT_BYTES * count)
    return Detections(boxes_xyxy, scores, class_ids, track_ids)
