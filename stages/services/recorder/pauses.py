"""Whose recording is switched off, and when it was switched on again."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from stages.services.archive.clock import Clock
from stages.services.archive.layout import NS

_SET_NS = NS  # the clock went so much faster or slower than time: it was set


class _Moment(NamedTuple):
    """A UNIX time, and by how much the clock was ahead of the time that passes."""

    unix_ns: int
    ahead_ns: int


class Pauses:
    """Of a camera whose recording is off nothing is kept, nor later what was seen meanwhile.

    Args:
        cameras: whose recording is off.
        resumed_ns: UNIX times, by the clock as it is now, at which others were switched on again.
    """

    def __init__(
        self,
        cameras: Iterable[str],
        resumed_ns: Mapping[str, int] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or Clock()
        self._paused = frozenset(cameras)
        self._resumed = {camera: self._moment(at) for camera, at in (resumed_ns or {}).items()}

    def __contains__(self, camera: str) -> bool:
        return camera in self._paused

    def begin_ns(self, camera: str) -> int:
        """UNIX time from which on pictures of it may be kept; 0 where there is no such limit.

        It is by the clock as it is now, as are the times of packets that are read anew.
        """
        moment = self._resumed.get(camera)
        if moment is None:
            return 0
        step_ns = self._moment(0).ahead_ns - moment.ahead_ns
        return moment.unix_ns + (step_ns if abs(step_ns) > _SET_NS else 0)

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
        self._resumed |= dict.fromkeys(ended, self._moment(now_ns))
        return begun, ended

    def _moment(self, unix_ns: int) -> _Moment:
        return _Moment(unix_ns, self._clock.unix_ns() - self._clock.passed_ns())
