"""How often a process may die, and how long the pause before its restart is."""

import time
from collections import deque

from pipeline.limits import Limits

DELAY_CAP_S = 5.0
SERVICE_DELAY_CAP_S = 60.0  # no frame waits for a service
_FIRST_DELAY_S = 0.1


class Restarts:
    """The deaths of one process and its successors.

    A process that has done something useful is started again at once. One that has not would
    probably die again, so each such death doubles the pause, up to `delay_cap_s`.
    """

    def __init__(self, limits: Limits, delay_cap_s: float = DELAY_CAP_S) -> None:
        self._limits = limits
        self._delay_cap_s = delay_cap_s
        self._deaths: deque[float] = deque(maxlen=limits.restarts + 1)
        self._fruitless = 0

    def count_death(self, *, useful: bool) -> None:
        self._deaths.append(time.monotonic())
        self._fruitless = 0 if useful else self._fruitless + 1

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
        return min(_FIRST_DELAY_S * 2.0**doublings, self._delay_cap_s)
