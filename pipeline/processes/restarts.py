"""How often a process may die, and how long its successor waits."""

import time
from collections import deque

from pipeline.limits import Limits

_FIRST_DELAY_S, _DELAY_CAP_S = 0.1, 5.0


class Restarts:
    """The history of one process.

    A process that has finished frames is started again at once: results are waited for. One that
    dies before it has finished any would die again, so each such death doubles the wait.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._deaths: deque[float] = deque(maxlen=limits.restarts + 1)
        self._fruitless = 0

    def count_death(self, *, delivered: bool) -> None:
        self._deaths.append(time.monotonic())
        self._fruitless = 0 if delivered else self._fruitless + 1

    @property
    def exhausted(self) -> bool:
        """Whether it has died more often, within the window, than the budget allows."""
        full = len(self._deaths) > self._limits.restarts
        return full and self._deaths[-1] - self._deaths[0] <= self._limits.window_s

    @property
    def delay_s(self) -> float:
        if self._fruitless == 0:
            return 0.0
        doublings = min(self._fruitless - 1, 16)  # beyond the cap, and no number too large
        return min(_FIRST_DELAY_S * 2.0**doublings, _DELAY_CAP_S)
