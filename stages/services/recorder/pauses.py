"""Whose recording is switched off, and when it was switched on again."""

from collections.abc import Iterable


class Pauses:
    """Of a camera whose recording is off nothing is kept, nor later what was seen meanwhile."""

    def __init__(self, cameras: Iterable[str]) -> None:
        self._paused = frozenset(cameras)
        self._resumed_ns: dict[str, int] = {}

    def __contains__(self, camera: str) -> bool:
        return camera in self._paused

    def begin_ns(self, camera: str) -> int:
        """UNIX time from which on pictures of it may be kept; 0 where there is no such limit."""
        return self._resumed_ns.get(camera, 0)

    def change(self, cameras: Iterable[str], now_ns: int) -> tuple[frozenset[str], frozenset[str]]:
        """Returns those whose recording is off from now on, and those whose is on again."""
        before, self._paused = self._paused, frozenset(cameras)
        begun, ended = self._paused - before, before - self._paused
        self._resumed_ns |= dict.fromkeys(ended, now_ns)
        return begun, ended
