"""How long to wait before a source that failed is opened again."""

import random
from typing import Annotated

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0.0, le=3600.0)]
_JITTER = 0.25  # cameras that failed together are not opened in step


class Retry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first wait, and the longest."""

    first_s: Seconds = 0.5
    cap_s: Seconds = 30.0

    def __post_init__(self) -> None:
        if self.cap_s < self.first_s:
            raise ValueError(f"expected cap_s of at least first_s, got {self.cap_s:g}")


class Backoff:
    """Waits that double with each failure, up to a cap.

    A connection that lasted longer than the wait before it sets the wait back to the first. A
    connection that fails at once does not.
    """

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._next_s = retry.first_s

    def wait_s(self, lasted_s: float) -> float:
        """The wait after a connection that lasted so long; 0 seconds when there was none."""
        if lasted_s > self._next_s:
            self._next_s = self._retry.first_s
        wait_s, self._next_s = self._next_s, min(self._next_s * 2, self._retry.cap_s)
        return _jittered(wait_s)

    def longest_s(self) -> float:
        """The wait after a failure that time alone does not repair."""
        self._next_s = self._retry.cap_s
        return _jittered(self._next_s)

    def reset(self) -> None:
        """What failed has changed: the next wait is the first again."""
        self._next_s = self._retry.first_s


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(1.0 - _JITTER, 1.0 + _JITTER)
