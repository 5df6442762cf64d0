"""A point of time until which several waits together may last."""

import time


class Deadline:
    """Begins to run when it is made."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end_s = time.monotonic() + seconds

    def left_s(self) -> float:
        """Never below 0."""
        return max(self._end_s - time.monotonic(), 0.0)

    def passed(self) -> bool:
        return self.left_s() == 0.0

    def sooner(self, seconds: float) -> "Deadline":
        """One that ends after `seconds`, or with this one."""
        return Deadline(min(seconds, self.left_s()))
