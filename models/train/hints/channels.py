"""What a teacher's channels are like, by which all of them count alike."""

import numpy as np
from numpy.typing import NDArray

CLIP = 6.0  # standard deviations from its mean that a value is told within
FLAT = 1e-6  # of the largest deviation in a map: a channel below it says nothing


def mean_and_deviation(
    values: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation (C,) of channels by their values (C, X), of whatever places.

    A flat channel has a deviation that leaves it near its mean, instead of 0.
    """
    mean, std = values.mean(axis=1), values.std(axis=1)
    return mean, std.clip(min=max(float(std.max()) * FLAT, 1e-12))
