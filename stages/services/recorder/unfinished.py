"""Films whose pictures are all there, until nothing is left to be done with them."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pipeline.logger import logger
from stages.services.archive.archive import Archive
from stages.services.archive.sidecar import Sidecar
from stages.services.recorder.beat import Beat, unheard
from stages.services.recorder.finisher import Finisher, Job
from stages.services.recorder.reel import NO_ROOM, ROOM_BYTES

_TRY_S = 5.0  # between two tries of what the disk has refused


class Left(NamedTuple):
    """A film that is open, and what is known of it, with its true end."""

    path: Path
    sidecar: Sidecar
    is_cut: bool  # its process was killed while it wrote it


class Unfinished:
    """Has films finished, and notes what becomes of them.

    What the disk refuses is one error, and is tried again until it can be written, also in the
    index, which tells its own errors: a film that is open there counts as one that is being
    written, so nothing would ever delete it.
    """

    def __init__(self, archive: Archive, finisher: Finisher) -> None:
        self._archive, self._finisher = archive, finisher
        self._left: list[Left] = []  # whose end is to be noted, if they were cut, before all else
        self._done: list[Job] = []  # and are to be noted as such
        self._is_refused = False  # something, at the last try
        self._is_told = False
        self._try_s = 0.0

    def put(self, left: Iterable[Left]) -> None:
        """What a process before has left; `take_turn` begins with it."""
        self._left += left

    def take_turn(self, beat: Beat = unheard) -> None:
        """Do what can be done now."""
        self._done += self._finisher.take()
        if self._is_refused and not self._may_try_again():
            return
        self._is_refused = False
        self._left = [film for film in self._left if not self._begin(film, beat)]
        self._done = [film for film in self._done if not self._end(film)]
        self._is_told = self._is_told and self._is_refused

    def _may_try_again(self) -> bool:
        if time.monotonic() < self._try_s:
            return False
        self._try_s = time.monotonic() + _TRY_S
        return self._archive.make_room(ROOM_BYTES)

    def _begin(self, film: Left, beat: Beat) -> bool:
        """Have a film finished; returns whether it is."""
        beat()
        try:
            if film.is_cut:
                self._note(film.path, film.sidecar)
        except OSError as error:
            self._refuse(film.path, error)
            return False
        self._finisher.put(film.path, film.sidecar)
        return True

    def _end(self, film: Job) -> bool:
        """Note that a film is as it will stay; returns whether that is done."""
        film.sidecar.open = False
        try:
            is_noted = self._note(film.path, film.sidecar)
        except OSError as error:
            self._refuse(film.path, error)
            return False
        if not is_noted:
            self._wait()
        return is_noted

    def _note(self, path: Path, sidecar: Sidecar) -> bool:
        """Returns whether the index has it, too. Raises OSError."""
        if not path.exists():  # somebody has deleted it meanwhile, and what belongs to it goes, too
            self._archive.remove(path)
            return True
        try:
            return self._archive.put(path, sidecar)
        except OSError as error:
            if error.errno not in NO_ROOM or not self._archive.make_room(ROOM_BYTES):
                raise
            return self._archive.put(path, sidecar)

    def _wait(self) -> None:
        self._is_refused = True
        self._try_s = time.monotonic() + _TRY_S

    def _refuse(self, path: Path, error: OSError) -> None:
        self._wait()
        if not self._is_told:
            self._is_told = True
            until = "there is room" if error.errno in NO_ROOM else "it can be written"
            logger.error("{}: its sidecar is not written: {}: it is tried again until {}",
                         path, error.strerror, until)  # fmt: skip
