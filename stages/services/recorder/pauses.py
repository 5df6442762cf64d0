"""Whose recording is switched off, and when it was switched on again."""

from collections.abc import Iterable, Mapping


class Pauses:
    """Of a camera whose recording is off nothing is kept, nor later what was seen meanwhile.

    Args:
        cameras: whose recording is off.
        resumed_ns: UNIX times at which others were switched on again.
    """

    def __init__(self, cameras: Iterable[str], resumed_ns: Mapping[str, int] | None = None) -> None:
        self._paused = frozenset(cameras)
        self._resumed_ns = dict(resumed_ns or {})

    def __contains__(self, camera: str) -> bool:
        return camera in self._paused

    def begin_ns(self, camera: str) -> int:
        """UNIX time from which on pictures of it may be kept; 0 where there is no such limit."""
        return self._resumed_ns.get(camera, 0)

    def change(
        self, cameras: Iterable[str], now_ns: int, again: Iterable[str] = ()
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Returns those whose recording is off from now on, and those whose is on again.

        Both holds for those that were switched off and on before this process has looked; they are
        among those in `again`.
        """
        before, self._paused = self._paused, frozenset(cameras)
        unseen = frozenset(again) - before - self._paused
        begun = (self._paused - before) | unseen
        ended = (before - self._paused) | unseen
        self._resumed_ns |= dict.fromkeys(ended, now_ns)
        return begun, ended
