"""Where a track is at a time: a Kalman filter of constant speed, in seconds and shares of the box.

A person of 40 px and one of 400 px walk alike when places are told in widths and heights of the
box; then one variance serves both axes. Because the filter knows seconds and no frames, what it
says at a time is the same at 5 and at 25 frames a second, and a frame that was dropped is nothing
but time.

Kalman, 1960; as in SORT (Bewley et al., ICIP 2016), but with a process noise that is integrated
over time: white noise of acceleration gives t^3/3, t^2/2 and t (Bar-Shalom et al., 2001, 6.2.2).
"""

import numpy as np
from numpy.typing import NDArray

from stages.kernels.tracking.tracks import (
    BOX,
    CENTRE,
    COVAR,
    MOTION,
    SPEED,
    STATE,
    VAR_CENTRE,
    VAR_SIZE,
    VAR_SPEED,
    VARIANCES,
    Floats,
)

# Chosen on drawn streets and TUD sequences with simulated detectors, see docs/tracking.md; half or
# twice of each costs less than a point of IDF1 at 25 frames a second.
_BOX_STD = 0.1  # of a detector's centre, in widths and heights of the box
_SIZE_STD = 0.15  # of its ln width and ln height
_FIRST_SPEED_STD = 2.0  # boxes per second: somebody walks two of his widths, so does a car
_ACCELERATION_STD = 0.8  # boxes per second, for each root of a second
_GROWTH_STD = 0.3  # of ln width and ln height, for each root of a second

VAR_BOX, VAR_MEASURED_SIZE = _BOX_STD**2, _SIZE_STD**2

_LEAST_SIDE_PX = 1.0
# Corners to centre and size.
_TO_STATES = np.array([[0.5, 0, -1, 0], [0, 0.5, 0, -1], [0.5, 0, 1, 0], [0, 0.5, 0, 1]])


def to_states(boxes_xyxy: NDArray[np.float32]) -> Floats:
    """Centre, ln width and ln height (M, 4) of boxes (M, 4)."""
    states: Floats = boxes_xyxy @ _TO_STATES
    sizes = states[:, 2:]
    np.maximum(sizes, _LEAST_SIDE_PX, out=sizes)
    np.log(sizes, out=sizes)
    return states


def begin(rows: Floats, boxes: Floats) -> None:
    """Set new rows (N, columns) to boxes (N, 4) that were seen once: centre, ln size."""
    rows[:, BOX] = boxes
    rows[:, VAR_CENTRE] = VAR_BOX
    rows[:, VAR_SPEED] = _FIRST_SPEED_STD**2
    rows[:, VAR_SIZE] = VAR_MEASURED_SIZE


def predict(rows: Floats, seconds: float) -> None:
    """Move rows (N, columns) on by `seconds`. All of it is linear, so one matrix does it."""
    squared = seconds * seconds
    step = _STILL + seconds * _PER_SECOND
    step[VAR_SPEED, VAR_CENTRE] = squared
    motion = rows[:, MOTION] @ step
    motion += np.array([seconds, squared, squared * seconds]) @ _NOISE
    rows[:, MOTION] = motion


def correct(rows: Floats, boxes: Floats) -> None:
    """Take boxes (N, 4) into account that were seen now: centre, ln size."""
    variances = rows[:, VARIANCES]
    gains = variances.take(_GAINING, 1)  # (N, 3) of centre, speed and size
    gains /= variances.take(_GAINED_FROM, 1) + _MEASURED
    missed = boxes - rows[:, BOX]
    moved = missed.take(_MISSED, 1)  # (N, 6)
    moved *= gains.take(_GAIN_OF_STATE, 1)
    rows[:, STATE] += moved
    shrunk = variances.take(_SHRINKING, 1)  # (N, 4)
    shrunk *= gains.take(_GAIN_OF_VARIANCE, 1)
    variances -= shrunk


def _make_steps() -> tuple[Floats, Floats]:
    """What one second does to a row (10,): what stays as it is, and what adds to what."""
    per_second = np.zeros((10, 10))
    per_second[SPEED, CENTRE] = np.eye(2)
    per_second[COVAR, VAR_CENTRE] = 2
    per_second[VAR_SPEED, COVAR] = 1
    return np.eye(10), per_second


def _make_noise() -> Floats:
    """What adds to a row (10,) for each second, second squared and second to the third."""
    noise = np.zeros((3, 10))
    acceleration = _ACCELERATION_STD**2
    noise[0, VAR_SPEED], noise[0, VAR_SIZE] = acceleration, _GROWTH_STD**2
    noise[1, COVAR] = acceleration / 2
    noise[2, VAR_CENTRE] = acceleration / 3
    return noise


_STILL, _PER_SECOND = _make_steps()
_NOISE = _make_noise()

# Which column goes where in `correct`; a call of numpy for each column takes twice as long.
_GAINING = np.array([0, 1, 3])  # centre, covariance and size, among the variances
_GAINED_FROM = np.array([0, 0, 3])
_MEASURED = np.array([VAR_BOX, VAR_BOX, VAR_MEASURED_SIZE])
_MISSED = np.array([0, 1, 2, 3, 0, 1])  # the speed is corrected by what the centre missed
_GAIN_OF_STATE = np.array([0, 0, 2, 2, 1, 1])
_SHRINKING = np.array([0, 1, 1, 3])
_GAIN_OF_VARIANCE = np.array([0, 0, 1, 2])
