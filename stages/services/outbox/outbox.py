"""Messages that wait on disk until somebody outside has taken them."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pipeline.logger import logger
from pipeline.service import ServiceError
from stages.services.outbox.clock import RunningClock
from stages.services.outbox.item import Item, Limits, MessageId
from stages.services.outbox.losses import Losses
from stages.services.outbox.opening import is_damage, is_disk, open_store, set_damaged_aside
from stages.services.outbox.pending import Pending
from stages.services.outbox.store import Mark, Size, Store

_HELD_BYTES = 1 << 20  # in memory, while the disk is full
_GATHERED_BYTES = _HELD_BYTES // 4  # that one transaction takes
_AT_ONCE = 1000  # that are too old
_TAKEN = "another process has the new one: what waits is lost with this process, unless it goes"

T = TypeVar("T")


class Outbox:
    """Events are all kept, each once, and wait in order; of each state the newest waits.

    What has been put is there after a kill at any instant. It stays until it is forgotten, so a
    message that was sent and not forgotten is sent again: its id tells the receiver.

    A full disk is said once. Meanwhile what is put is held in memory, as far as there is room, and
    is written when the disk takes it. A file that turns out to be damaged is set aside.

    Args:
        path: of the file; it and its folder are made if they are not there.
        name: of the key in the configuration, for errors and the log.

    Raises:
        ServiceError: the file is no outbox, is of a newer version, or cannot be opened.
    """

    def __init__(self, path: Path, limits: Limits, name: str) -> None:
        self._path, self._limits, self._name = path, limits, name
        self._pending = Pending()
        self._is_failing = False
        self._is_lost = False  # and said to be
        self._is_gathering = False
        self._last = 0  # number
        self._size = Size(0, 0)  # of the file
        self._clock = RunningClock(None)
        self._marks: dict[str, Mark] = {}
        self._store = self._open()
        self.losses = Losses(name, self._store.lost())

    def put_event(self, id: MessageId, topic: str, body: bytes) -> bool:
        """Keep an event; returns whether it is new. Those of a camera are to come in order.

        A gap in the numbers of a camera is counted as lost.
        """
        if not self.pass_event(id):
            return False
        self._put(Item(self._next(), str(id), topic, body))
        return True

    def pass_event(self, id: MessageId) -> bool:
        """See an event that is not to be kept; returns whether it is new.

        Its number is in no gap then. That is written as a note is: a kill may have it seen again.
        """
        last = self.last_seq(id.camera, id.run)
        if id.seq <= last:
            return False
        self.losses.count("missed", id.seq - last - 1)
        self._marks[id.camera] = self._pending.marks[id.camera] = id.run, id.seq
        return True

    def put_state(self, key: str, id: str, topic: str, body: bytes) -> None:
        """Keep a state in place of the one with the same key that still waits."""
        self._put(Item(self._next(), id, topic, body, key))

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is put in this block is written at its end, in one transaction.

        A transaction writes some 15 kB and takes ten times as long as a message more in it. A kill
        inside the block may take what was put in it.
        """
        self._is_gathering = True
        try:
            yield
        finally:
            self._is_gathering = False
            self._settle()

    def last_seq(self, camera: str, run: str) -> int:
        """The number of a camera's last event in this run; -1 if there is none yet."""
        known, seq = self._marks.get(camera, ("", -1))
        return seq if known == run else -1

    def waiting(self, most: int, after: int = 0) -> list[Item]:
        """The oldest whose number is above `after`, at most so many."""
        gone, none = self._pending.gone, list[Item]()
        kept = self._attempt(lambda store: store.items(most + len(gone), after), none)
        found = [item for item in kept if item.number not in gone]
        found += [item for item in self._pending.items if item.number > after]
        return found[:most]

    def forget(self, numbers: Iterable[int]) -> None:
        """These have been taken."""
        self._pending.forget(numbers)
        self._write()

    def note(self, name: str) -> bytes | None:
        """What the owner of the outbox has kept in the file under this name."""
        pending = self._pending.notes.get(name)
        return self._attempt(lambda store: store.note(name), None) if pending is None else pending

    def keep_note(self, name: str, value: bytes, *, at_once: bool = False) -> None:
        """Written with whatever is put next, or by `look`; a kill before that takes it.

        `at_once` is for what has to be there before something else is done.
        """
        self._pending.notes[name] = value
        if at_once:
            self._write()

    def look(self) -> None:
        """To be called every second or so: gives up what is too old, and says what was lost.

        A file that somebody has removed or replaced is written anew, with all that waits.
        """
        self._keep_name()
        self._write()
        self._attempt(self._expire, None)
        self.losses.say()

    def __len__(self) -> int:
        """How many wait."""
        return self._size.messages + len(self._pending.items) - len(self._pending.gone)

    @property
    def bytes(self) -> int:
        """What is kept, as it counts for the limit."""
        return self._size.cost + self._pending.bytes

    def close(self) -> None:
        self._keep_name()
        self._write()
        self.losses.say_all()
        self._store.close()

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _put(self, item: Item) -> None:
        item = item._replace(added_s=self._clock.read().clock_s)
        if item.cost > self._limits.max_bytes:
            self.losses.count("full", 1)
        else:
            self._pending.add(item)
        if not self._is_gathering or self._pending.bytes > _GATHERED_BYTES:
            self._settle()

    def _settle(self) -> None:
        """Write what was put; what the disk does not take is held, as far as there is room."""
        self._write()
        while self._pending.bytes > _HELD_BYTES:
            self._pending.drop_oldest()
            self.losses.count("disk", 1)
        self.losses.say()

    def _write(self) -> None:
        """Bring the file up to date: in one transaction, or not at all."""
        if self._pending:
            self._attempt(self._commit, None)

    def _commit(self, store: Store) -> None:
        pending, size = self._pending, self._size
        with store.transaction():
            size = size.minus(store.remove(pending.gone))
            for item in pending.items:
                if item.key is not None:
                    size = size.minus(store.remove(store.with_key(item.key)))
                store.add(item)
                size = size.plus(Size(1, item.cost))
            full = store.remove_oldest(size.cost - self._limits.max_bytes)
            for camera, mark in pending.marks.items():
                store.set_mark(camera, mark)
            for name, value in pending.notes.items():
                store.set_note(name, value)
            store.set_lost(self.losses.counts + Counter(full=full.messages))
            store.set_clock(self._clock.read())
        self._size = size.minus(full)
        self.losses.count("full", full.messages)
        pending.clear()
        if self._is_failing:
            self._is_failing = False
            logger.info("{}: {} takes what comes again", self._name, self._path)

    def _expire(self, store: Store) -> None:
        clock = self._clock.read()
        old = store.older(clock.clock_s - self._limits.max_age_s, _AT_ONCE)
        if not old:
            return
        with store.transaction():
            gone = store.remove(old)
            store.set_lost(self.losses.counts + Counter(old=gone.messages))
            store.set_clock(clock)
        self._size = self._size.minus(gone)
        self.losses.count("old", gone.messages)

    def _open(self) -> Store:
        """Open the file, and take up what it holds."""
        try:
            store = open_store(self._path, self._name)
        except sqlite3.Error as error:
            raise ServiceError(f"{self._name}: {self._path}: {error}") from None
        self._size = store.size()
        self._last = max(self._last, store.last_number())
        self._marks = store.marks() | self._marks
        self._clock = RunningClock(store.clock())
        return store

    def _attempt(self, work: Callable[[Store], T], otherwise: T) -> T:
        """Do something with the file, with a new one if it is damaged, or without if it fails."""
        try:
            return work(self._store)
        except sqlite3.Error as error:
            if is_damage(error):
                self._begin_anew(error)
                return work(self._store)
            if not is_disk(error):
                raise
            if not self._is_failing:
                self._is_failing = True
                logger.error("{}: {}: {}: what comes waits in memory, up to {} KiB",
                             self._name, self._path, error, _HELD_BYTES >> 10)  # fmt: skip
            return otherwise

    def _keep_name(self) -> None:
        """What cannot be written now is tried again at the next look."""
        if self._store.has_name:
            return
        has_rival = self._store.has_rival
        if not self._is_lost:
            self._is_lost = True
            what = _TAKEN if has_rival else "what waits is written anew"
            logger.error("{}: {}: removed or replaced while it is in use; {}",
                         self._name, self._path, what)  # fmt: skip
        if not has_rival:
            self._write_anew()

    def _write_anew(self) -> None:
        try:
            aside = self._store.close_into_new_file()
        except (OSError, sqlite3.Error):
            return
        self._store = self._open()
        self._is_lost = False
        if aside is not None:
            logger.warning("{}: {}: what was put in its place is kept as {}",
                           self._name, self._path, aside)  # fmt: skip

    def _begin_anew(self, error: sqlite3.Error) -> None:
        self.losses.count("damaged", self._size.messages)
        self._store.close()
        set_damaged_aside(self._path, self._name, error)
        self._pending.gone.clear()
        self._pending.marks = dict(self._marks)
        self._store = self._open()
