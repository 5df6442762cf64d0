"""Detections of one camera, frame after frame, to tracks: which object is which.

Four rules around the filter of `motion` and the pairs of `association`. All times are of capture.

* A detection below the published score keeps a track alive and begins none (Zhang et al.,
  ByteTrack, ECCV 2022).
* A track has an id when it was seen for a while and the median of its scores is one that is
  published; one clear look is enough.
* A track is what most of its detections were, weighted by score. Two boxes of different classes on
  one object are one object.
* A track that is not seen for a while ends, and at once where it has left the picture.
"""

from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from stages.kernels.boxes import Wh
from stages.kernels.detections import NO_TRACK, Detections
from stages.kernels.tracking import motion
from stages.kernels.tracking.association import NO_ROW, Boxes, Rows, associate
from stages.kernels.tracking.duplicates import find_second_boxes, reject_echoes
from stages.kernels.tracking.tracks import (
    CENTRE,
    FIRST_S,
    ID,
    LABEL,
    LAST_S,
    LOOK_S,
    LOOKS,
    SCORE,
    SCORES,
    SEEN,
    Floats,
    Tracks,
    medians,
)

_UNCONFIRMED_S = 0.45  # a track without id ends after this: two frames at 5 a second
_CLEAR_SHARE = 0.4  # of the way from the lowest published score to 1: one such look is enough
_ROUNDING_S = 1e-6


class TrackerOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a track begins and ends."""

    score_thresh: float  # detections at or below this are not published, and begin no track
    confirm_s: float = 0.15  # from the first look to an id, where no look is clear
    lost_s: float = 2.0  # a track with an id that is not seen for longer ends

    @property
    def clear_score(self) -> float:
        """One look of this score is enough for an id."""
        return self.score_thresh + _CLEAR_SHARE * (1 - self.score_thresh)


class Ended(NamedTuple):
    """A track with an id that is over: it has left the picture, or was not seen for long."""

    track_id: int
    reason: Literal["left", "lost"]


class Tracker:
    """The tracks of one camera.

    `ended` are those that the newest frame has ended, in no order; tracks that never had an id are
    none.

    Args:
        classes: C, how many labels the model has.
    """

    def __init__(self, options: TrackerOptions, classes: int) -> None:
        self.ended: list[Ended] = []
        self._options = options
        self._has_risen = False  # `score_thresh`, since the newest frame
        self._tracks = Tracks(classes)
        self._ids = 0  # given so far
        self._seconds = 0.0  # of the newest frame
        self._look = 0  # counts the frames whose scores are kept
        self._look_s = -np.inf  # the time of the last one

    def __len__(self) -> int:
        return len(self._tracks)

    def reconfigure(self, options: TrackerOptions) -> None:
        """Tracks begin and end by these from the next frame on.

        Those that there are live on, but none whose score is not published any more.
        """
        self._has_risen |= options.score_thresh > self._options.score_thresh
        self._options = options

    def update(self, detections: Detections, seconds: float, frame_wh: Wh) -> Detections:
        """What is published of a frame: each object once, best score first.

        Args:
            detections: of the frame, also those below `score_thresh`.
            seconds: when it was captured, on a clock that never goes back while tracks last.

        Returns:
            Detections above `score_thresh`, and those below of tracks that have an id. Class and
            score are the track's, box is the detector's; the track is NO_TRACK without an id.
        """
        tracks, threshold = self._tracks, np.float32(self._options.score_thresh)
        self.ended = []
        if self._has_risen:
            self._has_risen = False
            ends = tracks.rows[:, SCORE] <= threshold
            self._drop(ends, np.zeros_like(ends))
        if len(tracks):
            motion.predict(tracks.rows, seconds - self._seconds)
        self._seconds = seconds
        is_look = seconds >= self._look_s + LOOK_S
        if is_look:
            self._look, self._look_s = self._look + 1, seconds
        is_low = detections.scores <= threshold
        boxes = Boxes(motion.to_states(detections.boxes_xyxy), detections.class_ids, is_low)
        owners = associate(tracks.rows, boxes)
        reject_echoes(owners, detections.boxes_xyxy, is_low)
        seen = (owners >= 0).nonzero()[0]
        if len(seen):
            of_seen = owners.take(seen)
            rows = tracks.rows.take(of_seen, 0)
            motion.correct(rows, boxes.states.take(seen, 0))
            self._note(rows, detections, seen, is_look=is_look)
            tracks.rows[of_seen] = rows
        self._begin(detections, boxes, owners)
        published = self._publish(detections, owners, is_low)
        self._end(frame_wh)
        return published

    def clear(self) -> None:
        """End all tracks, for example where the source begins again; ids go on."""
        self._tracks.clear()
        self._look_s = -np.inf  # the clock may begin again, too

    def to_bytes(self) -> bytes:
        """All that the tracker knows."""
        threshold = self._options.score_thresh
        head = np.array([self._ids, self._seconds, self._look, self._look_s, threshold])
        return head.tobytes() + self._tracks.to_bytes()

    def from_bytes(self, data: bytes) -> None:
        """Know what another tracker for as many classes knew, whose options may have differed."""
        head = np.frombuffer(data, np.float64, 5)
        ids, self._seconds, look, self._look_s, before = head.tolist()
        self._ids, self._look = int(ids), int(look)
        self._tracks.from_bytes(data[head.nbytes :])
        self._has_risen = self._options.score_thresh > before

    def _note(self, rows: Floats, detections: Detections, seen: Rows, *, is_look: bool) -> None:
        """Write into rows (N, columns) that they were seen as these detections (N,)."""
        scores, class_ids = detections.scores.take(seen), detections.class_ids.take(seen)
        rows[:, LAST_S] = self._seconds
        rows[:, SEEN] += 1
        votes = self._tracks.votes(rows)
        votes[np.arange(len(rows)), class_ids] += scores
        rows[:, LABEL] = votes.argmax(1)
        if is_look:
            looks = rows[:, SCORES]
            looks[:, self._look % LOOKS] = scores
            rows[:, SCORE] = medians(looks)
        self._confirm(rows, scores)

    def _confirm(self, rows: Floats, scores: NDArray[np.float32]) -> None:
        """Give ids to those of the rows (N, columns) that have earned one."""
        new = rows[:, ID] == NO_TRACK
        if not new.any():
            return
        lasted = rows[:, LAST_S] - rows[:, FIRST_S] >= self._options.confirm_s - _ROUNDING_S
        lasted &= rows[:, SEEN] >= 2
        lasted &= rows[:, SCORE] > self._options.score_thresh
        new &= lasted | (scores >= self._options.clear_score)
        count = int(new.sum())
        rows[new, ID] = np.arange(self._ids + 1, self._ids + 1 + count)
        self._ids += count

    def _begin(self, detections: Detections, boxes: Boxes, owners: Rows) -> None:
        """Begin a track for each detection that has none, unless it is another's second box."""
        alone = ((owners == NO_ROW) & ~boxes.is_low).nonzero()[0]
        if len(alone) == 0:
            return
        second = find_second_boxes(detections, owners, alone)
        owners[list(second)] = _FOLDED  # nothing is published of it
        new = np.array([box for box in alone.tolist() if box not in second], np.intp)
        first = len(self._tracks)
        rows = self._tracks.add(len(new))
        motion.begin(rows, boxes.states[new])
        rows[:, FIRST_S] = self._seconds
        owners[new] = np.arange(first, first + len(new))
        self._note(rows, detections, new, is_look=True)
        for box, other in second.items():
            self._vote(int(owners[other]), detections, box)

    def _vote(self, row: int, detections: Detections, box: int) -> None:
        rows = self._tracks.rows[row : row + 1]
        votes = self._tracks.votes(rows)
        votes[0, detections.class_ids[box]] += detections.scores[box]
        rows[:, LABEL] = votes.argmax(1)

    def _publish(
        self, detections: Detections, owners: Rows, is_low: NDArray[np.bool_]
    ) -> Detections:
        shown = (owners >= 0).nonzero()[0]
        known = self._tracks.rows.take(owners.take(shown), 0)
        is_hidden = is_low.take(shown) & (known[:, ID] == NO_TRACK)
        prices = np.where(is_hidden, np.inf, -known[:, SCORE])
        order = prices.argsort(kind="stable")[: len(prices) - np.count_nonzero(is_hidden)]
        known = known.take(order, 0)
        return Detections(
            detections.boxes_xyxy.take(shown.take(order), 0),
            known[:, SCORE].astype(np.float32),
            known[:, LABEL].astype(np.int32),
            known[:, ID].astype(np.int64),
        )

    def _end(self, frame_wh: Wh) -> None:
        rows = self._tracks.rows
        absent_s = self._seconds - rows[:, LAST_S]
        if not absent_s.any():
            return
        limit_s = np.where(rows[:, ID] > NO_TRACK, self._options.lost_s, _UNCONFIRMED_S)
        ends = absent_s > limit_s + _ROUNDING_S
        centres = rows[:, CENTRE]
        has_left = ((centres < 0) | (centres > np.array(frame_wh))).any(1)
        has_left &= absent_s > 0
        ends |= has_left
        if ends.any():
            self._drop(ends, has_left)

    def _drop(self, ends: NDArray[np.bool_], has_left: NDArray[np.bool_]) -> None:
        """Forget the rows (N,) that end, some of which have left the picture."""
        rows = self._tracks.rows
        known = ends & (rows[:, ID] > NO_TRACK)
        for track_id, left in zip(rows[known, ID].tolist(), has_left[known], strict=True):
            self.ended.append(Ended(int(track_id), "left" if left else "lost"))
        self._tracks.keep(~ends)


_FOLDED = -2  # the place of a detection's row, where it is the second box of an object
