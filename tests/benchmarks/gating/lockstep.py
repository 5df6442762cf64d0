"""A gated camera and one without a gate, frame by frame: what is looked at, what is found later."""

from collections import deque
from collections.abc import Hashable
from typing import NamedTuple

import msgspec
import numpy as np

from stages.kernels.boxes import iou_matrix
from stages.kernels.detections import Detections
from stages.kernels.gating.gate import Gate, GateOptions
from stages.kernels.resize import warp_into
from stages.kernels.tracking.tracker import Tracker, TrackerOptions
from stages.model.detector import Detector
from stages.model.frame_detector import make_soft_nms
from tests.benchmarks.gating.films import Film, Objects, Shot

LOOK_S = 5.0
LAG_FRAMES = 2  # until the gate hears from the tracker: frames that are under way
IOU = 0.5
_LOW_SCORE = 0.1  # `track.low_score`


class Outcome(NamedTuple):
    """Of one film."""

    frames: int
    empty: int  # nothing shows, or nothing is tracked where nobody has written down what shows
    looks: int
    looks_at_empty: int
    first_always: dict[Hashable, int]  # the frame in which each object is first found
    first_gated: dict[Hashable, int]

    def delays(self) -> list[int]:
        """Frames that each object is found later; those that are never found count as 1000."""
        return [
            self.first_gated.get(key, first + 1000) - first
            for key, first in self.first_always.items()
        ]


class Lockstep:
    """Runs both on the same detections."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._labels = detector.metadata.labels
        self._soft_nms = msgspec.structs.replace(
            make_soft_nms(detector.metadata), score_thresh=_LOW_SCORE
        )
        self._tensor = detector.make_tensor()

    def run(self, film: Film) -> Outcome:
        gate = Gate(self._detector.metadata.input_wh, GateOptions(look_s=LOOK_S))
        always, gated = self._make_tracker(), self._make_tracker()
        followed = deque([False] * (LAG_FRAMES + 1), LAG_FRAMES + 1)
        first_always: dict[Hashable, int] = {}
        first_gated: dict[Hashable, int] = {}
        frames = empty = looks = looks_at_empty = 0
        for frames, shot in enumerate(film.shots(), start=1):
            warp_into(shot.picture, self._tensor)
            is_open = gate.is_open(self._tensor, shot.seconds, followed=followed[0])
            objects, detections = shot.objects, None
            # Where nobody is and nobody looks, nothing needs to be detected to know that.
            if is_open or objects is None or objects.keys:
                detections = self._detect(shot)
                found = _update(always, detections, shot)
                objects = objects or _tracked(found, self._labels)
                self._note(frames, objects, found, first_always)
            if is_open and detections is not None:
                self._note(frames, objects, _update(gated, detections, shot), first_gated)
            followed.append(len(gated) > 0)
            is_empty = objects is None or not objects.keys
            empty, looks = empty + is_empty, looks + is_open
            looks_at_empty += is_open and is_empty
        return Outcome(frames, empty, looks, looks_at_empty, first_always, first_gated)

    def _make_tracker(self) -> Tracker:
        options = TrackerOptions(score_thresh=self._detector.metadata.score_thresh)
        return Tracker(options, len(self._labels))

    def _detect(self, shot: Shot) -> Detections:
        found = self._soft_nms.suppress(*self._detector.infer(self._tensor))
        height, width = shot.picture.shape[:2]
        return found.to_frame(self._detector.metadata.place((width, height)), (width, height))

    def _note(
        self, frame: int, objects: Objects | None, found: Detections, first: dict[Hashable, int]
    ) -> None:
        """Write down which objects are found for the first time."""
        if objects is None or not objects.keys or not len(found):
            return
        overlaps = iou_matrix(objects.boxes_xyxy, found.boxes_xyxy)
        labels = np.array([self._labels[class_id] for class_id in found.class_ids])
        for key, label, row in zip(objects.keys, objects.labels, overlaps, strict=True):
            if (row[labels == label] >= IOU).any():
                first.setdefault(key, frame)


def _update(tracker: Tracker, detections: Detections, shot: Shot) -> Detections:
    height, width = shot.picture.shape[:2]
    return tracker.update(detections, shot.seconds, (width, height))


def _tracked(found: Detections, labels: tuple[str, ...]) -> Objects:
    """The objects that have a number, where it is not known otherwise what shows."""
    assert found.track_ids is not None
    rows = (found.track_ids >= 0).nonzero()[0]
    return Objects(
        found.track_ids[rows].tolist(),
        [labels[class_id] for class_id in found.class_ids[rows]],
        found.boxes_xyxy[rows],
    )
