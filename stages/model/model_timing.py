"""Median times of model files on one core, as JSON.

    python -m stages.model.model_timing CORE THREADS FILE...

Run by `model: auto` (see model_choice.py).
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from pipeline.errors import LineError
from pipeline.realtime import pin_to_core
from stages.model.detector import Detector, InferenceError
from stages.model.model_file import ModelFileError

ROUNDS = 40
FEWEST_ROUNDS = 3  # however slow the board is: of fewer, one hiccup would decide
ENOUGH_S = 15.0  # a board that is slower than this makes fewer rounds


def time_in_turns(
    paths: Sequence[str],
    threads: int,
    rounds: int = ROUNDS,
    enough_s: float = ENOUGH_S,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Milliseconds by file, on frames of noise; in turns, for the speed of a machine drifts.

    Args:
        rounds: at most; there are fewer once they have taken `enough_s`, but FEWEST_ROUNDS.
        clock: `time.process_time` counts no other work on the core.
    """
    detectors = {path: Detector(path, threads) for path in paths}
    taken: dict[str, list[float]] = {path: [] for path in paths}
    rng = np.random.default_rng(0)
    tensors = {path: detector.make_tensor() for path, detector in detectors.items()}
    for tensor in tensors.values():
        tensor[:] = rng.integers(0, 256, tensor.shape, np.uint8)
    deadline = time.perf_counter() + enough_s
    for done in range(rounds):
        if done >= FEWEST_ROUNDS and time.perf_counter() > deadline:
            break
        for path, detector in detectors.items():
            detector.infer(tensors[path])  # brings its weights back into the caches
            start = clock()
            detector.infer(tensors[path])
            taken[path].append(1000 * (clock() - start))
    return {path: statistics.median(ms) for path, ms in taken.items()}


def main() -> int:
    core, threads, *paths = sys.argv[1:]
    try:
        clock = time.perf_counter
        if int(threads) == 1:
            pin_to_core(int(core))
            clock = time.process_time  # several threads would be added up
        found = time_in_turns(paths, int(threads), clock=clock)
    except (LineError, ModelFileError, InferenceError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(msgspec.json.encode(found).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
