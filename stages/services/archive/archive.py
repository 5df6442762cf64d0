"""What is kept: files, their index, and what goes when. The recorder owns it."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.client import EventMessage
from pipeline.logger import logger
from stages.services.archive.clock import Clock, ClockWatch, Memory
from stages.services.archive.history import History
from stages.services.archive.index import Index, is_damage
from stages.services.archive.layout import INDEX, Kind, make_file
from stages.services.archive.reconcile import reconcile
from stages.services.archive.retention import Limits, Retention
from stages.services.archive.sidecar import Sidecar, write_sidecar
from stages.services.archive.wishes import Wish, drop_wishes, read_wishes

_TURN_S = 0.05  # at most, for what can wait
_RETAIN_S = 5.0  # between two turns of the retention, unless there is more to delete
_REMEMBER_S = 60.0
_LOOK_S = 5.0  # for the index, between two times
_AGAIN_S = 30.0  # between two tries to compare
_QUIET_S = 60.0  # between two errors that are the same: a full disk takes this and refuses that


class Archive:
    """Files come first. An index that fails meanwhile is told of once, and made right afterwards,
    and so is one that somebody removes, alone or with its folder.

    Raises:
        OSError: the folder cannot be written.
        sqlite3.Error: the index cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits,
        clock: Clock | None = None,
        free_bytes: Callable[[], int] | None = None,
    ) -> None:
        self.folder = folder
        self._limits = limits
        self._clock = clock or Clock()
        self._free_bytes = free_bytes
        self._look_s = time.monotonic() + _LOOK_S
        self._is_lost = False  # and said to be
        self._said, self._said_s = "", 0.0  # what was told last of the index, and when
        self._attach(Index.open(folder))

    def _attach(self, index: Index) -> None:
        self.index = index
        self.history = History(index)
        self._reconciling: Iterator[None] | None = reconcile(index)
        self._compare_s = float("inf")  # when to begin it again
        self._cannot_compare = False  # and that was said
        self._retention: Retention | None = None
        self._has_failed = False
        self._next_s = self._remember_s = 0.0

    def take_turn(self) -> None:
        """Do some of what can wait: compare with the files, delete what has to go."""
        if time.monotonic() >= self._look_s:
            self._look_s = time.monotonic() + _LOOK_S
            self._look()
        with self._healing():
            if time.monotonic() >= self._compare_s:
                self._compare_s = float("inf")
                self._reconciling = reconcile(self.index)
            if self._reconciling is not None:
                self._compare(self._reconciling)
                return
            if time.monotonic() < self._next_s:
                return
            self._next_s = time.monotonic() + _RETAIN_S
            if self.retention.take_turn():
                self._next_s = 0.0  # there may be more
            if time.monotonic() >= self._remember_s:
                self._remember_s = time.monotonic() + _REMEMBER_S
                memory = self._watch.memory
                self.index.set_state(seen_ns=memory.seen_unix_ns, trusted_ns=memory.trusted_unix_ns)

    @property
    def is_complete(self) -> bool:
        """Whether the index has been compared with the files, as far as that is possible now."""
        return self._reconciling is None

    @property
    def retention(self) -> Retention:
        """Ready when the index has been compared with the files."""
        if self._retention is None:
            seen, trusted = self.index.state("seen_ns"), self.index.state("trusted_ns")
            memory = None if seen is None else Memory(seen, trusted or 0)
            self._watch = ClockWatch(self._clock, memory, self.index.newest_ns())
            self._retention = Retention(self.index, self._limits, self._watch, self._free_bytes)
        return self._retention

    def make_file(self, camera: str, kind: Kind, unix_ns: int) -> Path:
        """Raises OSError."""
        return make_file(self.folder, camera, kind, unix_ns)

    def put(self, path: Path, sidecar: Sidecar) -> bool:
        """Keep what is known of a file; returns whether the index has it, too. Raises OSError."""
        write_sidecar(path, sidecar)
        with self._healing():
            self.index.put(path, sidecar)
            return True
        return False

    def remove(self, path: Path) -> None:
        """Delete a file. Raises OSError."""
        with self._healing():
            self.index.remove(str(path.relative_to(self.folder)))

    def add_event(self, event: EventMessage) -> None:
        """Raises OSError."""
        with self._healing():
            self.history.add(event)

    def next_seq(self, camera: str, run: str) -> int:
        """Number of the first event of a run that is not kept."""
        with self._healing():
            return self.history.next_seq(camera, run)
        return 0

    def last_end_ns(self, camera: str, kind: Kind) -> int | None:
        """The end of the file of a camera that was made last, of those that are not open."""
        with self._healing():
            return self.index.last_end_ns(camera, kind)
        return None

    def wishes(self) -> list[Wish]:
        """What somebody has asked for, until it is dropped; nothing while the index fails."""
        with self._healing():
            return read_wishes(self.index)
        return []

    def drop_wishes(self, wishes: Iterable[Wish]) -> bool:
        """Forget what is granted; returns whether a successor of this process will not see it."""
        with self._healing():
            drop_wishes(self.index, wishes)
            return True
        return False

    def make_room(self, wanted_bytes: int) -> bool:
        """Delete the oldest files until so much more fits; returns whether it does."""
        with self._healing():
            while not self.retention.has_room(wanted_bytes):
                if not self.retention.make_room(wanted_bytes):
                    return False
            return True
        return False

    def close(self) -> None:
        self.index.close()

    def _look(self) -> None:
        """Find out whether others have this index, too: what is in no folder is read by nobody."""
        if self.index.has_name:
            return
        if not self._is_lost:
            self._is_lost = True
            logger.error("record.folder: {}: removed or replaced while it is in use; it is made "
                         "anew of the files", self.folder / INDEX)  # fmt: skip
        with contextlib.suppress(OSError, sqlite3.Error):  # tried again with the next look
            index = Index.open(self.folder)
            self.index.close()
            self._attach(index)
            self._is_lost = False

    def _compare(self, reconciling: Iterator[None]) -> None:
        """Go on with it. Files to come do not wait for an index or a folder that fails: it is
        compared later then.
        """
        end_s = time.monotonic() + _TURN_S
        try:
            while time.monotonic() < end_s:
                if next(reconciling, self) is self:
                    self._reconciling = None
                    self._cannot_compare = False
                    return
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, sqlite3.Error) and is_damage(error):
                raise
            self._reconciling = None
            self._compare_s = time.monotonic() + _AGAIN_S
            if not self._cannot_compare:
                self._cannot_compare = True
                logger.error("record.folder: {}: it cannot be compared with the files: {}; what is "
                             "not in it is not listed until it can",
                             self.folder / INDEX, error)  # fmt: skip

    def _say(self, error: str) -> None:
        now_s = time.monotonic()
        if error != self._said or now_s >= self._said_s + _QUIET_S:
            self._said, self._said_s = error, now_s
            logger.error("record.folder: {}: the index fails: {}", self.folder / INDEX, error)

    @contextmanager
    def _healing(self) -> Iterator[None]:
        """Go on when the index fails; it is compared with the files again, or made of them."""
        try:
            yield
        except sqlite3.Error as error:
            if not self._has_failed:
                self._say(str(error))
            if is_damage(error):
                self.index.close()
                # What fails here fails again with the next use, and is tried again then.
                with contextlib.suppress(OSError, sqlite3.Error):
                    self._attach(Index.make(self.folder))
            else:
                self.index.suspect()
                self._reconciling = reconcile(self.index)
            self._has_failed = True
        else:
            self._has_failed = False
