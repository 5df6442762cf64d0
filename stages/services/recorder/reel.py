"""A recording of one camera that goes on from file to file, without a gap where there is none."""

import errno
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.logger import logger
from pipeline.service import Packet, PacketFlag, Track, clock_step
from stages.services.archive.archive import Archive
from stages.services.archive.layout import NS, iso_utc
from stages.services.archive.sidecar import Gap, Sidecar
from stages.services.media.init_segment import UnplayableStream
from stages.services.recorder.film import Film
from stages.services.recorder.finisher import Finisher
from stages.services.recorder.tail import Tail

CUT_NS = 3 * NS  # a longer pause of the pictures is told as a gap, and ends a file
ROOM_BYTES = 16 << 20  # that has to be there before a recording goes on
_TRY_S = 5.0  # between two looks for room
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)  # numbers of errors
_TELL_S = 10.0  # between two states of an open file in the index

Tracks = Callable[[int], Sequence[Track] | None]


class Reel:
    """Cuts at key frames. A disk without room stops it with one error, until there is room.

    A file that somebody removes is told, and followed by another one.

    Args:
        make_sidecar: of the next file, whose times and pictures are filled in here.
        longest_ns: a file that is as long ends at the next key frame.
        describe: completes the sidecar of a file that ends; gives the time in the film of the
            picture for its thumbnail, or None without one.
    """

    def __init__(
        self,
        archive: Archive,
        finisher: Finisher,
        make_sidecar: Callable[[], Sidecar],
        longest_ns: int,
        describe: Callable[[Sidecar, Film], float | None],
    ) -> None:
        self._archive = archive
        self._finisher = finisher
        self._make_sidecar = make_sidecar
        self._longest_ns = longest_ns
        self._describe = describe
        self._film: Film | None = None
        self._sidecar: Sidecar | None = None
        self._tail: Tail | None = None  # of the last file
        self._end_unix_ns: int | None = None  # of the last file
        self._last: Packet | None = None
        self._why = ""  # of the gap before the next file
        self._unplayable: int | None = None  # generation
        self._is_halted = False
        self._is_told = False  # why it stopped; until something was written again
        self._try_s = self._tell_s = 0.0
        self.has_begun = False  # and there are pictures on the disk

    def continue_after(self, end_unix_ns: int, why: str) -> None:
        """The file before was of a process that is gone; what is missing since is a gap."""
        self._end_unix_ns, self._why = end_unix_ns, why

    @property
    def end_unix_ns(self) -> int | None:
        """Where the last file has ended, if there was one."""
        return self._end_unix_ns

    @property
    def film(self) -> Film | None:
        """What is being written."""
        return self._film

    @property
    def trouble(self) -> str | None:
        """Why nothing is written; empty where it was told in full, None if there is no reason."""
        if self._is_halted:
            return self._why
        return None if self._unplayable is None else ""

    def take(self, packets: Sequence[Packet], tracks: Tracks) -> None:
        """Write packets in the order in which they came."""
        if self._tail is not None and self._tail.is_given_up:
            self._end_tail()
        if self._is_halted and not self._resume():
            return
        batch: list[Packet] = []
        for packet in packets:
            if self._tail is not None and self._tail.is_over(packet):
                self._end_tail()
            if self._tail is not None and self._tail.wants(packet):
                self._add(batch)
                batch = []
                self._tail.add(packet)
                if self._film is not None:
                    self._film.pass_over(packet)
                continue
            if self._film is not None and self._ends_before(packet, batch):
                self._add(batch)
                batch = []
                self._end_film(packet)
            is_begin = packet.is_key and packet.track == 0
            if self._film is not None or (is_begin and self._begin(packet, tracks)):
                batch.append(packet)
        self._add(batch)

    def end(self) -> None:
        """Complete the file that is being written, if there is one."""
        self._end_tail()
        self._end_film(None)

    def _end_film(self, following: Packet | None) -> None:
        """`following` is what comes after it, if it is known."""
        film, sidecar = self._film, self._sidecar
        self._film = self._sidecar = None
        if film is None or sidecar is None:
            return
        if film.is_empty:  # what is missing has begun with the file before it, if there was one
            self._end_unix_ns = self._end_unix_ns or film.begin_unix_ns
            film.close()
            self._remove(film)
            return
        self._end_unix_ns, self._last = film.end_unix_ns, film.written
        _set_times(sidecar, film)
        sidecar.thumbnail_s = self._describe(sidecar, film)
        sidecar.ended = True
        self._put(film, sidecar)  # open until it is finished
        self._end_tail()
        if following is not None and film.has_sound and film.is_followed_by(following):
            self._tail = Tail(film, sidecar, following)
        else:
            film.close()
            self._finisher.put(film.path, sidecar)

    def _end_tail(self) -> None:
        tail, self._tail = self._tail, None
        if tail is not None:
            tail.end()
            self._finisher.put(tail.film.path, tail.sidecar)

    def _ends_before(self, packet: Packet, batch: Sequence[Packet]) -> bool:
        assert self._film is not None, "asked of a film that is written"
        last = batch[-1] if batch else self._film.last
        if packet.number == self._film.first.number:
            return False
        follows = packet.generation == last.generation and packet.number == last.number + 1
        if not follows:
            return True
        if packet.track != self._film.first.track:
            return False  # sound alone ends nothing
        shown = next((p for p in reversed(batch) if p.track == packet.track), None)
        if abs(packet.pts_ns - (shown or self._film.last_picture).pts_ns) > CUT_NS:
            return True
        return packet.is_key and packet.pts_ns - self._film.first.pts_ns >= self._longest_ns

    def _begin(self, first: Packet, tracks: Tracks) -> bool:
        known = tracks(first.generation)
        if known is None or self._unplayable == first.generation:
            return False
        sidecar = self._make_sidecar()
        sidecar.gaps += self._gaps_before(first)
        sidecar.open = True
        try:
            path = self._archive.make_file(sidecar.camera, sidecar.kind, first.arrived_unix_ns)
            film = Film(path, known, first)
        except UnplayableStream as error:
            self._unplayable = first.generation
            path.unlink(missing_ok=True)
            logger.error("{}: cannot be recorded: {}", sidecar.camera, error)
            return False
        except OSError as error:
            self._halt(error, sidecar.camera)
            return False
        sidecar.codec = film.track.codec
        sidecar.width, sidecar.height = film.track.width, film.track.height
        self._film, self._sidecar = film, sidecar
        self._why = ""
        _set_times(sidecar, film)
        return self._put(film, sidecar)

    def _gaps_before(self, first: Packet) -> list[Gap]:
        end, last = self._end_unix_ns, self._last
        if end is None:
            return []
        follows = last is not None and first.number == last.number + 1
        missing_ns = first.arrived_unix_ns - end
        if last is not None and clock_step(last, first):
            missing_ns = first.pts_ns - last.pts_ns
        was_read = PacketFlag.GAP not in first.flags  # else its process was killed, or began late
        if missing_ns <= 0 or (follows and was_read and missing_ns <= CUT_NS):
            return []
        why = self._why or ("the camera sent nothing" if follows else "packets are missing")
        if last is not None and first.generation != last.generation and not self._why:
            why = "the camera began another stream" if was_read else "the camera was not read"
        return [Gap(end, first.arrived_unix_ns, why)]

    def _add(self, batch: Sequence[Packet]) -> None:
        film, sidecar = self._film, self._sidecar
        if film is None or sidecar is None or not batch:
            return
        film.add(batch)
        try:
            self._flush(film)
        except FileNotFoundError as error:
            self._lose(film, sidecar, error)
            return
        except OSError as error:
            self.end()
            self._halt(error, sidecar.camera)
            return
        self._is_told, self.has_begun = False, True
        if time.monotonic() >= self._tell_s:
            _set_times(sidecar, film)
            self._put(film, sidecar)

    def _flush(self, film: Film) -> None:
        """Raises OSError."""
        try:
            film.flush()
        except FileNotFoundError:
            raise
        except OSError:
            if not self._archive.make_room(ROOM_BYTES):
                raise
            film.flush()

    def _put(self, film: Film, sidecar: Sidecar) -> bool:
        self._tell_s = time.monotonic() + _TELL_S
        try:
            self._archive.put(film.path, sidecar)
        except OSError as error:
            if self._film is film:
                self.end()
            self._halt(error, sidecar.camera)
            return False
        return True

    def _lose(self, film: Film, sidecar: Sidecar, error: OSError) -> None:
        """Go on without a film that somebody has removed: another begins with a key frame."""
        logger.error("{}: {}: another film follows", film.path, error.strerror)
        self._film = self._sidecar = None
        film.close()
        self._delete(film.path)
        self._end_unix_ns, self._last = film.begin_unix_ns, None
        self._why = "the film was removed while it was written"

    def _remove(self, film: Film) -> None:
        """Leave no file behind that holds nothing."""
        if film.is_empty:
            self._delete(film.path)

    def _delete(self, path: Path) -> None:
        try:
            self._archive.remove(path)
        except OSError as error:
            logger.warning("{}: cannot be removed: {}", path, error.strerror)

    def _halt(self, error: OSError, camera: str) -> None:
        self._try_s = time.monotonic() + _TRY_S
        self._why = f"the disk: {error.strerror}"
        self._is_halted = True
        if not self._is_told:
            self._is_told = True
            until = "there is room" if error.errno in NO_ROOM else "it can be written"
            logger.error("{}: recording stops: {}: it goes on when {}", camera, error.strerror,
                         until)  # fmt: skip

    def _resume(self) -> bool:
        if time.monotonic() < self._try_s:
            return False
        self._try_s = time.monotonic() + _TRY_S
        if not self._archive.make_room(ROOM_BYTES):
            return False
        self._is_halted = False
        return True


def _set_times(sidecar: Sidecar, film: Film) -> None:
    sidecar.begin_unix_ns, sidecar.end_unix_ns = film.begin_unix_ns, film.end_unix_ns
    sidecar.begin, sidecar.end = iso_utc(film.begin_unix_ns), iso_utc(film.end_unix_ns)
