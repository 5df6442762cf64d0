"""A film that is being written: whole fragments of an MP4, so it plays at any instant."""

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.service import Packet, Track
from stages.services.archive.layout import NS
from stages.services.media.remuxer import Remuxer

FRAGMENT_NS = NS  # at most, of one fragment, but for a picture that is shown longer


class Film:
    """Packets of one generation, in the order of their numbers, without a gap.

    What does not fit on the disk leaves no trace, and is tried again with the next `flush`.

    Args:
        path: an empty file.
        first: the packet that it begins with: a key frame, added by `add` like the others.

    Raises:
        UnplayableStream: no film can be made of this stream.
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path, tracks: Sequence[Track], first: Packet) -> None:
        self.path = path
        self.first = first
        self.last = first  # that was added
        self.written = first  # the last one that is in the file
        self.shown = first  # the last picture in the file
        self._last_picture = first
        self.track = tracks[first.track]
        self.has_sound = any(track.kind == "audio" for track in tracks)
        self._remuxer = Remuxer(tracks, first, with_sound=True)
        self._pending = bytearray(self._remuxer.init.data)
        self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self._size = 0

    @property
    def last_picture(self) -> Packet:
        """That was added last."""
        return self._last_picture

    def is_followed_by(self, packet: Packet) -> bool:
        """Whether the packet comes after the last one, and nothing between them is missing."""
        return packet.generation == self.first.generation and packet.number == self.last.number + 1

    def pass_over(self, packet: Packet) -> None:
        """Take a packet that follows as one that belongs to another film."""
        self.last = self.written = packet

    def add(self, packets: Sequence[Packet]) -> None:
        """Have packets written by the next `flush`."""
        for fragment in _fragments(packets):
            self._pending += self._remuxer.fragment(fragment)
        self.last = packets[-1]
        pictures = [packet for packet in packets if packet.track == self.first.track]
        self._last_picture = pictures[-1] if pictures else self._last_picture

    def flush(self) -> None:
        """Write what was added, all of it or nothing.

        Raises:
            FileNotFoundError: somebody has removed the file, so nobody would find it.
            OSError: it cannot be written.
        """
        if not os.fstat(self._fd).st_nlink:
            raise OSError(errno.ENOENT, "removed while it is being written", str(self.path))
        written = 0
        try:
            while written < len(self._pending):
                written += os.pwrite(self._fd, self._pending[written:], self._size + written)
        except OSError as error:
            os.ftruncate(self._fd, self._size)
            raise OSError(error.errno, error.strerror, str(self.path)) from None
        self._size += written
        self._pending.clear()
        self.written, self.shown = self.last, self._last_picture

    @property
    def is_empty(self) -> bool:
        return self._size == 0

    @property
    def duration_ns(self) -> int:
        """From the first picture to the last one in the file."""
        return self.shown.pts_ns - self.first.pts_ns

    @property
    def begin_unix_ns(self) -> int:
        return self.first.arrived_unix_ns

    @property
    def end_unix_ns(self) -> int:
        """By the clock of the stream: packets may arrive in bursts."""
        return self.first.arrived_unix_ns + self.duration_ns

    def film_s(self, pts_ns: int) -> float:
        """When in the film a frame of the line is shown."""
        return self._remuxer.film_s(pts_ns)

    def close(self) -> None:
        """Let go of the file; what was not written is lost."""
        os.close(self._fd)


def _fragments(packets: Sequence[Packet]) -> Iterator[Sequence[Packet]]:
    """Parts of a second each; a key frame begins one."""
    begin = 0
    for i, packet in enumerate(packets):
        is_long = packet.pts_ns - packets[begin].pts_ns >= FRAGMENT_NS
        if i > begin and ((packet.is_key and packet.track == 0) or is_long):
            yield packets[begin:i]
            begin = i
    if begin < len(packets):
        yield packets[begin:]
