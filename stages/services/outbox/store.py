"""The file of an outbox: an SQLite database with a write-ahead log, for one process at a time.

A process that is killed at any instant leaves every finished transaction in it. The log is not
forced to the medium with each one, so a power cut may take the last of them, never more.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from stages.services.outbox.clock import Reading
from stages.services.outbox.files import BESIDE, FileId, file_id, is_held, set_aside
from stages.services.outbox.item import Item

VERSION = 1
_APPLICATION = 0x544C6F62  # "TLob": tells it from the databases of others
_LOG_PAGES = 1000  # of 4 KiB, until they are moved into the database
_LOG_BYTES = 4 << 20

# The lock is kept until the file is closed, and so no memory is shared with other processes.
_SETTINGS = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}",
    f"PRAGMA journal_size_limit = {_LOG_BYTES}",
)
_TABLES = (
    "CREATE TABLE item (number INTEGER PRIMARY KEY, id TEXT NOT NULL, topic TEXT NOT NULL,"
    " body BLOB NOT NULL, key TEXT UNIQUE, added_s REAL NOT NULL, cost INTEGER NOT NULL)",
    "CREATE TABLE mark (camera TEXT PRIMARY KEY, run TEXT NOT NULL, seq INTEGER NOT NULL)",
    "CREATE TABLE lost (reason TEXT PRIMARY KEY, messages INTEGER NOT NULL)",
    "CREATE TABLE note (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
    "CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT NOT NULL,"
    " since_boot_s REAL NOT NULL, clock_s REAL NOT NULL)",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)
_COLUMNS = "number, id, topic, body, key, added_s"

Mark = tuple[str, int]  # run and seq of the last message of a camera


class Size(NamedTuple):
    """Of some messages together."""

    messages: int
    cost: int  # bytes, as they count for the limit

    def plus(self, more: "Size") -> "Size":
        return Size(self.messages + more.messages, self.cost + more.cost)

    def minus(self, less: "Size") -> "Size":
        return Size(self.messages - less.messages, self.cost - less.cost)


class NotOurs(Exception):
    """The file is whole, and none of this version's outboxes: it must stay as it is."""


class Store:
    """Raises sqlite3.Error where the file or the disk is not as it must be."""

    def __init__(self, path: Path) -> None:
        """Makes the file if it is not there. Raises NotOurs, sqlite3.Error, OSError."""
        self._path = path
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        self._database = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise
        self._ids = self._find_ids()

    def _prepare(self) -> None:
        run = self._database.execute
        run(_SETTINGS[0])
        found = run("PRAGMA application_id").fetchone()[0], run("PRAGMA user_version").fetchone()[0]
        tables = run("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if tables and found[0] != _APPLICATION:
            raise NotOurs("expected an outbox, got the database of another program")
        if found[1] > VERSION:
            raise NotOurs(
                f"expected an outbox of version {VERSION}, got version {found[1]}, which a newer "
                "ThunderLine has made: use that one, or name another file"
            )
        for setting in _SETTINGS[1:]:
            run(setting)
        if run("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("quick_check")
        if not tables:
            with self.transaction():
                for statement in _TABLES:
                    run(statement)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def add(self, item: Item) -> None:
        values = (*item, item.cost)
        self._database.execute(
            f"INSERT INTO item ({_COLUMNS}, cost) VALUES (?, ?, ?, ?, ?, ?, ?)", values
        )

    def remove(self, numbers: Iterable[int]) -> Size:
        """Returns what has gone; some of them may have been gone before."""
        messages = cost = 0
        for number in numbers:
            query = "SELECT cost FROM item WHERE number = ?"
            row = self._database.execute(query, (number,)).fetchone()
            if row is not None:
                self._database.execute("DELETE FROM item WHERE number = ?", (number,))
                messages, cost = messages + 1, cost + row[0]
        return Size(messages, cost)

    def items(self, most: int, after: int = 0) -> list[Item]:
        """The oldest whose number is above `after`."""
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM item WHERE number > ? ORDER BY number LIMIT ?", (after, most)
        )
        return [Item(*row) for row in rows]

    def remove_oldest(self, cost: int) -> Size:
        """Make room of at least so many bytes, as far as there is anything."""
        gone = Size(0, 0)
        while gone.cost < cost and (oldest := self.items(1)):
            gone = gone.plus(self.remove([oldest[0].number]))
        return gone

    def older(self, added_s: float, most: int) -> list[int]:
        """Numbers of those that were added before this time."""
        rows = self._database.execute(
            "SELECT number FROM item WHERE added_s < ? ORDER BY number LIMIT ?", (added_s, most)
        )
        return [number for (number,) in rows]

    def with_key(self, key: str) -> list[int]:
        """The number of a state that waits."""
        rows = self._database.execute("SELECT number FROM item WHERE key = ?", (key,))
        return [number for (number,) in rows]

    def size(self) -> Size:
        """Of all that wait; it looks at each of them."""
        total = "SELECT count(*), coalesce(sum(cost), 0) FROM item"
        return Size(*self._database.execute(total).fetchone())

    def last_number(self) -> int:
        number: int = self._database.execute("SELECT max(number) FROM item").fetchone()[0] or 0
        return number

    def marks(self) -> dict[str, Mark]:
        rows = self._database.execute("SELECT camera, run, seq FROM mark")
        return {camera: (run, seq) for camera, run, seq in rows}

    def set_mark(self, camera: str, mark: Mark) -> None:
        self._database.execute("REPLACE INTO mark VALUES (?, ?, ?)", (camera, *mark))

    def lost(self) -> dict[str, int]:
        return dict(self._database.execute("SELECT reason, messages FROM lost").fetchall())

    def set_lost(self, lost: Mapping[str, int]) -> None:
        self._database.executemany("REPLACE INTO lost VALUES (?, ?)", lost.items())

    def note(self, name: str) -> bytes | None:
        row = self._database.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def set_note(self, name: str, value: bytes) -> None:
        self._database.execute("REPLACE INTO note VALUES (?, ?)", (name, value))

    def clock(self) -> Reading | None:
        row = self._database.execute("SELECT boot, since_boot_s, clock_s FROM clock").fetchone()
        return None if row is None else Reading(*row)

    def set_clock(self, reading: Reading) -> None:
        self._database.execute("REPLACE INTO clock VALUES (1, ?, ?, ?)", reading)

    @property
    def has_name(self) -> bool:
        """Whether its files are those that others find: of one that somebody has removed, or put
        another in the place of, all would end with this process.
        """
        return self._ids == self._find_ids()

    @property
    def has_rival(self) -> bool:
        """Whether another process has the file that is in the place of this one."""
        found = file_id(self._path)
        return found is not None and found not in self._ids and is_held(self._path)

    def close_into_new_file(self) -> Path | None:
        """Write all of it to a new file in the place of one that was removed, and close this one.

        Returns:
            where the file is kept that somebody has put in the place of this one, if there was one.

        Raises:
            OSError, sqlite3.Error: it cannot be written; this one is as it was.
        """
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        draft.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            os.close(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_CLOEXEC, 0o600))
            with closing(sqlite3.connect(draft)) as copy:
                self._database.backup(copy)
            aside = set_aside(self._path, ".replaced", self._ids)  # SQLite closes by the name
            self._database.close()
            for suffix in BESIDE:  # SQLite would take them for those of the new file
                self._path.with_name(f"{self._path.name}{suffix}").unlink(missing_ok=True)
            draft.replace(self._path)
        finally:
            draft.unlink(missing_ok=True)
        return aside

    def close(self) -> None:
        self._database.close()

    def _find_ids(self) -> tuple[FileId | None, FileId | None]:
        """Of the database and its log, which SQLite keeps until it is closed."""
        return file_id(self._path), file_id(self._path.with_name(f"{self._path.name}-wal"))
