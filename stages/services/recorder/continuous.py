"""Continuous recording: all that a camera sends, in files that follow each other."""

import msgspec

from stages.services.archive.archive import Archive
from stages.services.archive.layout import NS, Kind
from stages.services.archive.sidecar import Sidecar
from stages.services.recorder.film import Film
from stages.services.recorder.finisher import Finisher
from stages.services.recorder.packet_source import Packets
from stages.services.recorder.reel import Reel
from stages.services.recorder.tap import Tap

_WAS_OFF = "recording was switched off"


class ContinuousOptions(msgspec.Struct, frozen=True):
    """As in the configuration."""

    cameras: tuple[str, ...]
    segment_s: float

    def wants(self, camera: str) -> bool:
        return not self.cameras or camera in self.cameras


class Continuous:
    """One camera's. It follows the ring of packets.

    Args:
        not_before_ns: UNIX time at which its recording was switched on again, if it was.
    """

    def __init__(
        self, camera: str, segment_s: float, packets: Packets, archive: Archive,
        finisher: Finisher, not_before_ns: int = 0,
    ) -> None:  # fmt: skip
        self._packets, self._camera = packets, camera
        self._not_before_ns = not_before_ns
        self._tap = Tap(packets, camera, not_before_ns)
        self._end_unix_ns = 0  # of what there was before it was switched off, or began
        self._reel = Reel(
            archive,
            finisher,
            lambda: Sidecar(Kind.CONTINUOUS, camera, 0, 0),
            round(segment_s * NS),
            _no_thumbnail,
        )

    def continue_after(self, end_unix_ns: int) -> None:
        """Go on where a process that is gone has ended, as far as the ring goes back."""
        self._end_unix_ns = end_unix_ns
        self._tap.begin_at(max(end_unix_ns, self._not_before_ns))
        why = _WAS_OFF if end_unix_ns < self._not_before_ns else "the recorder was not there"
        self._reel.continue_after(end_unix_ns, why)

    def pause(self, now_ns: int) -> None:
        """Keep what was taken until now; nothing is to be taken before `resume`.

        What has come since the last turn may have been shot after the switch.
        """
        self._reel.end()
        self._end_unix_ns = self._reel.end_unix_ns or now_ns

    def resume(self, now_ns: int) -> None:
        """Go on with what comes from now on."""
        self._tap = Tap(self._packets, self._camera, now_ns)
        self._tap.begin_at(now_ns)
        if self._end_unix_ns:
            self._reel.continue_after(self._end_unix_ns, _WAS_OFF)

    def take_turn(self) -> None:
        """Write what has come."""
        self._reel.take(self._tap.read(), self._tap.tracks)

    def end(self) -> None:
        self.take_turn()
        self._reel.end()


def _no_thumbnail(_sidecar: Sidecar, _film: Film) -> None:
    return None
