"""The end of a film: sound that comes after the picture with which the next film begins."""

import time

from pipeline.service import Packet
from stages.services.archive.layout import NS
from stages.services.archive.sidecar import Sidecar
from stages.services.recorder.film import Film

_LATE_NS = NS  # at most, of sound after the picture beside it
_PATIENCE_S = 5.0  # where nothing comes any more


class Tail:
    """A film whose pictures are all there, while its last sound may still come.

    Cameras send sound in pieces of some tenths of a second, after the pictures beside it. Where one
    film follows another without a gap, this keeps sound without one, too.

    Args:
        next_picture: that the next film begins with.
    """

    def __init__(self, film: Film, sidecar: Sidecar, next_picture: Packet) -> None:
        self.film, self.sidecar = film, sidecar
        self._next = next_picture
        self._until_s = time.monotonic() + _PATIENCE_S

    @property
    def is_given_up(self) -> bool:
        """Whether nothing has come for too long."""
        return time.monotonic() > self._until_s

    def wants(self, packet: Packet) -> bool:
        """Whether it is sound that belongs here."""
        return packet.track != self._next.track and packet.pts_ns < self._next.pts_ns

    def is_over(self, packet: Packet) -> bool:
        """Whether nothing will come, as this packet has come."""
        is_sound = packet.track != self._next.track
        later_ns = packet.pts_ns - self._next.pts_ns
        is_later = later_ns >= (0 if is_sound else _LATE_NS)
        return is_later or packet.generation != self._next.generation

    def add(self, packet: Packet) -> None:
        self.film.add([packet])

    def end(self) -> None:
        """Write what has come; what finds no room is missing."""
        try:
            self.film.flush()
        except OSError as error:
            self.sidecar.notes.append(f"the last sound is missing: {error.strerror}")
        self.film.close()
