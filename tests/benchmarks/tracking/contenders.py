"""Trackers side by side, all given the same detections and the same times.

SORT, ByteTrack and OC-SORT are those of pyxtrackers, which says of its code that it gives the
results of the original ones. They count frames: by default they have the limits of the original
ones, and a `told` one has ThunderLine's limits in frames of this rate, as a user would set them who
knows it. edgefirst-tracker counts seconds.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from edgefirst.tracker import ByteTrack
from pyxtrackers import BYTETracker, OCSort, Sort

from stages.kernels.boxes import Wh
from stages.kernels.detections import NO_TRACK, Detections
from stages.kernels.tracking.tracker import Tracker, TrackerOptions
from tests.benchmarks.tracking.metrics import Seen
from tests.benchmarks.tracking.noise import HIGH_SCORE
from tests.benchmarks.tracking.sequences import LABELS

LOST_S, CONFIRM_S = 2.0, 0.15  # what a `told` tracker is told, ThunderLine's own defaults
_NOTHING = np.zeros((0, 5))


class Contender(Protocol):
    def update(self, detections: Detections, seconds: float) -> Seen: ...


class FrameCounter:
    """A tracker of pyxtrackers, which knows boxes and scores and no time."""

    def __init__(self, tracker: Any, low_score: float) -> None:
        self._tracker = tracker
        self._low_score = low_score

    def update(self, detections: Detections, seconds: float) -> Seen:
        kept = detections.scores > self._low_score
        rows = np.column_stack([detections.boxes_xyxy[kept], detections.scores[kept]])
        found = self._tracker.update(rows.astype(np.float64))
        found = _NOTHING if len(found) == 0 else np.asarray(found)
        return Seen(found[:, 4].astype(np.int64), found[:, :4].astype(np.float32))


class EdgeFirst:
    """edgefirst-tracker, which is told the time."""

    def __init__(self, lost_s: float) -> None:
        self._tracker = ByteTrack(high_conf=HIGH_SCORE, lifespan_ns=round(lost_s * 1e9))
        self._ids: dict[str, int] = {}

    def update(self, detections: Detections, seconds: float) -> Seen:
        tracks = self._tracker.update(
            detections.boxes_xyxy.astype(np.float32), detections.scores.astype(np.float32),
            detections.class_ids.astype(np.uintp), round(seconds * 1e9),
        )  # fmt: skip
        rows = [i for i, track in enumerate(tracks) if track is not None]
        uuids = [tracks[i].uuid for i in rows]
        ids = [self._ids.setdefault(uuid, len(self._ids)) for uuid in uuids]
        return Seen(np.array(ids, np.int64), detections.boxes_xyxy[rows].reshape(-1, 4))


class Ours:
    """The tracker of the line."""

    def __init__(self, frame_wh: Wh) -> None:
        self._tracker = Tracker(TrackerOptions(score_thresh=HIGH_SCORE), len(LABELS))
        self._frame_wh = frame_wh

    def update(self, detections: Detections, seconds: float) -> Seen:
        found = self._tracker.update(detections, seconds, self._frame_wh)
        assert found.track_ids is not None
        has_id = found.track_ids != NO_TRACK
        return Seen(found.track_ids[has_id], found.boxes_xyxy[has_id])


def make_contenders(fps: float) -> dict[str, Callable[[Wh], Contender]]:
    """By name, each ready to begin a sequence of frames of that size."""
    memory, hits = round(LOST_S * fps), max(1, round(CONFIRM_S * fps))
    return {
        "SORT": lambda _: FrameCounter(Sort(), HIGH_SCORE),
        "SORT, told": lambda _: FrameCounter(Sort(max_age=memory, min_hits=hits), HIGH_SCORE),
        "ByteTrack": lambda _: FrameCounter(BYTETracker(track_thresh=HIGH_SCORE), 0.0),
        "ByteTrack, told": lambda _: FrameCounter(
            BYTETracker(frame_rate=round(fps), track_buffer=60, track_thresh=HIGH_SCORE), 0.0
        ),
        "OC-SORT": lambda _: FrameCounter(OCSort(HIGH_SCORE, use_byte=True), 0.0),
        "OC-SORT, told": lambda _: FrameCounter(
            OCSort(HIGH_SCORE, max_age=memory, min_hits=hits, use_byte=True), 0.0
        ),
        "edgefirst": lambda _: EdgeFirst(0.5),
        "edgefirst, told": lambda _: EdgeFirst(LOST_S),
        "ThunderLine": Ours,
    }
