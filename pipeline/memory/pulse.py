"""Whether results come while frames do: the line's own measure of being alive."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

_STILL_S = 5.0  # a camera that gave nothing for so long is away, or slow


class Flow(NamedTuple):
    """Frames of one camera so far: all that came, and those with a result."""

    came: int
    published: int


class _Seen(NamedTuple):
    """The last flow, and since when each of its numbers is what it is, in seconds."""

    flow: Flow
    came_s: float
    published_s: float


class Pulse:
    """A line has a pulse unless some camera gives frames and has had no result for a while.

    Cameras that are away leave it as it is: nothing comes, and nothing is due. So does a file that
    waits for its turn.

    Args:
        patience_s: how long frames may come without a result.
        clock: seconds that only grow.
    """

    def __init__(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def find_stuck(self, flows: Mapping[str, Flow]) -> list[str]:
        """The cameras without a pulse; to be called more often than every five seconds."""
        now_s = self._clock()
        self._seen = {name: self._see(name, flow, now_s) for name, flow in flows.items()}
        return [name for name, seen in self._seen.items() if self._is_stuck(seen, now_s)]

    def _see(self, name: str, flow: Flow, now_s: float) -> _Seen:
        last = self._seen.get(name)
        if last is None:
            return _Seen(flow, -_STILL_S, now_s)
        came_s = now_s if flow.came != last.flow.came else last.came_s
        published_s = now_s if flow.published != last.flow.published else last.published_s
        if now_s - came_s > _STILL_S:  # what is due is counted from its next frame
            published_s = now_s
        return _Seen(flow, came_s, published_s)

    def _is_stuck(self, seen: _Seen, now_s: float) -> bool:
        return now_s - seen.published_s > self._patience_s
