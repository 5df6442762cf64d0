"""Whether anything moves before a camera that stands still.

The relief of each block is compared with what it was in the last seconds, in units of how much it
usually differs. Leaves, water, rain and the noise of the night become usual; an object that passes
does not, since nothing is learned while a detector follows something.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.kernels.boxes import Wh
from stages.kernels.gating.relief import Blocks, Relief
from stages.kernels.pixels import Pixels

_MEMORY_S = 2.0  # of the background: what an object leaves behind is forgotten as fast
_LEARN_S, _LEARN_FRAMES = 2.0, 10  # until a new background is known: both
_LONGEST_STEP_S = 1.0  # between two frames, for what is learned of one
# `usual` is what one frame in twenty exceeds: of each block its difference, of the picture its
# evidence. Either doubles in so many seconds of frames that all exceed it.
_EXCEEDED_SHARE = 0.05
_DOUBLE_S, _EVIDENCE_DOUBLES_S = 2.0, 8.0
_LEAST_USUAL = 1.6  # in levels of brightness: rounding alone makes a third
_UNUSUAL = 2.5  # times as much: five standard deviations of normal noise
_OF_MEAN = 1.73  # a normal difference of two frames: from its mean size to `usual`
_MOST_OF_MEDIAN = 2.0  # at the beginning, when something may be moving already
_JUMP_SHARE = 0.3  # of the blocks: it is another picture, and no object
_ENOUGH = 3.0  # evidence: two clear blocks at once, or one clear block twice
_MOST_NEEDED = 12.0  # evidence, in rain or snow: six clear blocks
_MORE_THAN_USUAL = 1.5
_CLEAR = 2.0  # evidence of one block at most
_KEPT, _LOST = 0.5, 0.01  # of the evidence, from one frame to the next; it ends at 0
_REACH = np.ones((5, 5), np.uint8)  # an object may be two blocks further in the next frame


class MotionDetector:
    """Looks at every picture of one camera, in order.

    Args:
        picture_wh: size of the pictures.
        ignored: (rows, columns) of blocks, where nothing counts; see `mask.ignored_blocks`.
    """

    def __init__(self, picture_wh: Wh, ignored: NDArray[np.bool_] | None = None) -> None:
        self._relief = Relief(picture_wh, ignored)
        shape = self._relief.shape
        self._ignored = np.zeros(shape, np.bool_) if ignored is None else ignored
        self._counted = max(int(np.count_nonzero(~self._ignored)), 1)
        self._now, self._before, self._background, self._change, self._usual, self._evidence = (
            np.zeros(shape, np.float32) for _ in range(6)
        )
        self.forget()

    def forget(self) -> None:
        """The next picture may show another place, at another time."""
        self._frames = 0  # of this background
        self._is_known = False
        self._needed = _ENOUGH
        self._begin_s = self._seconds = 0.0

    def look(self, picture: Pixels, seconds: float, *, learn: bool) -> bool:
        """Whether something moves in `picture` (h, w, 3), or it is not known yet what is usual.

        Args:
            seconds: when it was captured, later than the picture before.
            learn: what differs is no object, so it is usual.
        """
        self._now, self._before = self._before, self._now
        self._relief.read(picture, self._now)
        if self._frames == 0:
            self._begin(seconds)
            return True
        step_s = min(seconds - self._seconds, _LONGEST_STEP_S)
        self._seconds = seconds
        if not self._is_known:
            self._learn_quickly()
            return True
        ratio = self._compare()
        if np.count_nonzero(ratio > 1) > _JUMP_SHARE * self._counted:
            self._begin(seconds)
            return True
        evidence = self._gather(ratio)
        if learn:
            self._learn(evidence, step_s)
        cv2.accumulateWeighted(self._now, self._background, -math.expm1(-step_s / _MEMORY_S))
        return evidence >= self._needed

    def _begin(self, seconds: float) -> None:
        self._frames, self._is_known = 1, False
        self._begin_s = self._seconds = seconds
        np.copyto(self._background, self._now)
        self._usual.fill(0)
        self._evidence.fill(0)
        self._needed = _ENOUGH

    def _learn_quickly(self) -> None:
        """A mean of all frames so far; light that still changes makes no difference of two."""
        self._frames += 1
        cv2.accumulateWeighted(self._now, self._background, 1 / self._frames)
        change = cv2.absdiff(self._now, self._before, dst=self._change)
        cv2.accumulateWeighted(change, self._usual, 1 / (self._frames - 1))
        if self._frames >= _LEARN_FRAMES and self._seconds - self._begin_s >= _LEARN_S:
            self._is_known = True
            most = max(_MOST_OF_MEDIAN * _OF_MEAN * float(np.median(self._usual)), _LEAST_USUAL)
            np.clip(self._usual * np.float32(_OF_MEAN), _LEAST_USUAL, most, out=self._usual)

    def _compare(self) -> Blocks:
        """How unusual each block (rows, columns) is: above 1 it counts."""
        cv2.absdiff(self._now, self._background, dst=self._change)
        ratio: Blocks = self._change / (self._usual * np.float32(_UNUSUAL))
        ratio[self._ignored] = 0
        return ratio

    def _learn(self, evidence: float, step_s: float) -> None:
        """Move each usual value towards that which a given share of the frames exceeds."""
        up, down = _factors(step_s / _DOUBLE_S)
        self._usual *= np.where(self._change > self._usual, np.float32(up), np.float32(down))
        np.maximum(self._usual, _LEAST_USUAL, out=self._usual)
        up, down = _factors(step_s / _EVIDENCE_DOUBLES_S)
        needed = self._needed * (up if evidence * _MORE_THAN_USUAL > self._needed else down)
        self._needed = min(max(needed, _ENOUGH), _MOST_NEEDED)

    def _gather(self, ratio: Blocks) -> float:
        """The most evidence at one place: of a block and those around it, now and before."""
        np.clip(ratio - 1, 0, _CLEAR, out=ratio)
        around = cv2.boxFilter(ratio, -1, (3, 3), normalize=False)
        cv2.dilate(self._evidence, _REACH, dst=self._evidence)
        self._evidence *= _KEPT
        self._evidence -= _LOST
        np.maximum(self._evidence, 0, out=self._evidence)
        self._evidence += around
        return float(self._evidence.max())


def _factors(doublings: float) -> tuple[float, float]:
    """What a usual value is multiplied with, where it is exceeded and where it is not."""
    up = doublings * math.log(2)
    return math.exp(up), math.exp(-up * _EXCEEDED_SHARE / (1 - _EXCEEDED_SHARE))
