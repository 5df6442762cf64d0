"""How long graphs take, side by side."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.model.detector import Detector

ROUNDS = 25


def time_in_turns(
    detectors: Sequence[Detector], tensors: Sequence[NDArray[np.uint8]], rounds: int = ROUNDS
) -> list[float]:
    """Best milliseconds of CPU time of each detector on the same frames.

    In turns, since the speed of a machine drifts; CPU time and the best, since other work only
    lengthens it.
    """
    taken: list[list[float]] = [[] for _ in detectors]
    for turn in range(rounds):
        tensor = tensors[turn % len(tensors)]
        for detector, ms in zip(detectors, taken, strict=True):
            detector.infer(tensor)  # brings its weights back into the caches
            start = time.process_time()
            detector.infer(tensor)
            ms.append(1000 * (time.process_time() - start))
    return [min(ms) for ms in taken]
