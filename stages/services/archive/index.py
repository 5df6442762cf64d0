"""The index of what is kept: SQLite, written by the recorder, and read by whoever lists it.

The files are the truth. An index that is lost, damaged or of another version is made anew of them.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, Self

from pipeline.logger import logger
from stages.services.archive.layout import INDEX, NS, Kind, companions, size_of
from stages.services.archive.schema import SCHEMA, VERSION
from stages.services.archive.sidecar import Sidecar, read_sidecar, write_sidecar

SHELTER_NS = 60 * NS  # what is recorded so long before a protected file goes late, too
LONGEST_NS = 2 * 3600 * NS  # no file is longer: so far back is looked for what overlaps
_BUSY_S = 10.0  # for another process that writes
_UNREAD = "unread_s"
COLUMNS = "path, kind, camera, begin_ns, end_ns, bytes, open, protected, labels, why, notes"


class Item(NamedTuple):
    """One file that is kept. `path` is of its main file, from the folder on."""

    path: str
    kind: Kind
    camera: str
    begin_ns: int
    end_ns: int
    bytes: int
    open: bool
    protected: bool
    labels: tuple[str, ...]
    why: str
    notes: int  # how many gaps and other things are told of it


def connect(folder: Path, mode: Literal["ro", "rw", "rwc"]) -> sqlite3.Connection:
    """Raises sqlite3.Error."""
    address = f"{(folder / INDEX).absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=_BUSY_S, isolation_level=None)


class Index:
    """The writing side. Each method is one transaction. Methods raise sqlite3.Error.

    Args:
        unread_s: UNIX time; what has changed in the folder since then may not be in the index.
    """

    def __init__(
        self, folder: Path, db: sqlite3.Connection, unread_s: float = float("inf")
    ) -> None:
        self.folder = folder
        self.db = db
        self.unread_s = unread_s
        self._file_id = _file_id(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The index of a folder, which is made if it is not there or cannot be read.

        Raises:
            OSError: the folder cannot be made.
            sqlite3.Error: the index cannot be made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        written_s = _written_s(folder)
        try:
            return cls(folder, *_open(folder, written_s))
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            logger.warning("{}: made anew of the files: {}", folder / INDEX, error)
            return cls.make(folder)

    @classmethod
    def make(cls, folder: Path) -> Self:
        """A new one, in the place of whatever is there. Raises sqlite3.Error."""
        for suffix in ("", "-wal", "-shm"):
            (folder / f"{INDEX}{suffix}").unlink(missing_ok=True)
        return cls(folder, *_open(folder, 0.0))

    @classmethod
    def attach(cls, folder: Path) -> Self:
        """One that another process has made. Raises sqlite3.Error."""
        return cls(folder, connect(folder, "rw"))

    @property
    def has_name(self) -> bool:
        """Whether it is the file that others find in the folder, and not one that was removed."""
        return self._file_id is not None and self._file_id == _file_id(self.folder)

    def close(self) -> None:
        self.db.close()

    @contextlib.contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def put(self, path: Path, sidecar: Sidecar, size: int | None = None) -> None:
        """Add a file, or say what has become of it; its bytes are asked for if not given."""
        notes = len(sidecar.gaps) + len(sidecar.notes)
        row = (
            str(path.relative_to(self.folder)), sidecar.kind, sidecar.camera,
            sidecar.begin_unix_ns, sidecar.end_unix_ns,
            size_of(path) if size is None else size, sidecar.open, sidecar.protected,
            0, "\n".join(sidecar.labels), sidecar.why, notes,
        )  # fmt: skip
        with self.change() as db:
            db.execute(
                "INSERT INTO items (path, kind, camera, begin_ns, end_ns, bytes, open, protected,"
                " rank, labels, why, notes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (path) DO UPDATE SET begin_ns = excluded.begin_ns,"
                " end_ns = excluded.end_ns, bytes = excluded.bytes, open = excluded.open,"
                " protected = excluded.protected, labels = excluded.labels, why = excluded.why,"
                " notes = excluded.notes",
                row,
            )
            _shelter(db, sidecar.camera, sidecar.begin_unix_ns, sidecar.end_unix_ns)

    def protect(self, path: str, *, protected: bool) -> Item | None:
        """Keep a file for as long as there is room, or no longer. Raises OSError.

        Returns what it is now; None if there is no such file.
        """
        item = self.find(path)
        if item is None:
            return None
        main = self.folder / path
        sidecar = read_sidecar(main) or _bare(item)
        sidecar.protected = protected
        write_sidecar(main, sidecar)
        with self.change() as db:
            db.execute("UPDATE items SET protected = ? WHERE path = ?", (protected, path))
            _shelter(db, item.camera, item.begin_ns - SHELTER_NS, item.end_ns)
        return item._replace(protected=protected)

    def remove(self, path: str) -> None:
        """Delete a file with what belongs to it. Raises OSError."""
        main = self.folder / path
        for each in (main, *companions(main)):
            each.unlink(missing_ok=True)
        self.forget(path)

    def forget(self, path: str) -> None:
        """Take a file out that is not there any more."""
        with self.change() as db:
            item = self.find(path)
            if item is not None:
                db.execute("DELETE FROM items WHERE path = ?", (path,))
                if item.protected:
                    _shelter(db, item.camera, item.begin_ns - SHELTER_NS, item.end_ns)

    def find(self, path: str) -> Item | None:
        return find_item(self.db, path)

    def open_items(self) -> list[Item]:
        """What is being written, or was when its process died."""
        rows = self.db.execute(f"SELECT {COLUMNS} FROM items WHERE open = 1")
        return [to_item(row) for row in rows]

    def paths_since(self, kind: Kind, unix_ns: int) -> list[str]:
        """Files of a kind that show something after a time."""
        rows = self.db.execute(
            "SELECT path FROM items WHERE end_ns >= ? AND kind = ?", (unix_ns, kind)
        )
        return [path for (path,) in rows]

    def last_end_ns(self, camera: str, kind: Kind) -> int | None:
        """The end of the file of a camera that was made last, of those that are not open."""
        rows = [
            self.db.execute(
                "SELECT id, end_ns FROM items WHERE open = 0 AND kind = ? AND camera = ?"
                " AND rank = ? ORDER BY id DESC LIMIT 1",
                (kind, camera, rank),
            ).fetchone()
            for rank in (0, 1)  # one by one, each is found at once
        ]
        return max((row for row in rows if row is not None), default=(0, None))[1]

    def newest_ns(self) -> int:
        """The end of the newest file, 0 without any."""
        (end_ns,) = self.db.execute("SELECT max(end_ns) FROM items").fetchone()
        return end_ns or 0

    def state(self, name: str) -> int | None:
        row = self.db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def set_state(self, **values: int) -> None:
        with self.change() as db:
            db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", values.items())

    def suspect(self) -> None:
        """What changes from now on may not be in it."""
        self.unread_s = min(self.unread_s, time.time())

    def keep_unread(self) -> None:
        """Have those who open it next know it, too: what is written now makes it look as new."""
        self.suspect()
        self.set_state(**{_UNREAD: int(self.unread_s)})

    def trust(self) -> None:
        """All is in it."""
        with self.change() as db:
            db.execute("DELETE FROM state WHERE name = ?", (_UNREAD,))
        self.unread_s = float("inf")


def find_item(db: sqlite3.Connection, path: str) -> Item | None:
    row = db.execute(f"SELECT {COLUMNS} FROM items WHERE path = ?", (path,)).fetchone()
    return None if row is None else to_item(row)


def to_item(row: tuple[str, str, str, int, int, int, int, int, str, str, int]) -> Item:
    path, kind, camera, begin_ns, end_ns, size, is_open, protected, labels, why, notes = row
    return Item(path, Kind(kind), camera, begin_ns, end_ns, size, bool(is_open), bool(protected),
                tuple(labels.splitlines()), why, notes)  # fmt: skip


def _shelter(db: sqlite3.Connection, camera: str, begin_ns: int, end_ns: int) -> None:
    """Rank anew what lies between two times: 1 for what goes last."""
    db.execute(
        "UPDATE items SET rank = protected OR EXISTS (SELECT 1 FROM items AS kept"
        " WHERE kept.protected = 1 AND kept.camera = items.camera"
        " AND kept.begin_ns > items.begin_ns - ? AND kept.begin_ns - ? < items.end_ns"
        " AND kept.end_ns > items.begin_ns)"
        " WHERE camera = ? AND begin_ns <= ? AND begin_ns > ? AND end_ns >= ?",
        (LONGEST_NS, SHELTER_NS, camera, end_ns, begin_ns - LONGEST_NS, begin_ns),
    )


def _open(folder: Path, written_s: float) -> tuple[sqlite3.Connection, float]:
    """The database, and since when it may not have all. Raises sqlite3.Error."""
    db = connect(folder, "rwc")
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == VERSION:
            for table in ("items", "events"):
                db.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()
            row = db.execute("SELECT value FROM state WHERE name = ?", (_UNREAD,)).fetchone()
            return db, min(written_s, *(row or ()), float("inf"))
        if version != 0 or db.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise sqlite3.DatabaseError(f"expected version {VERSION}, got {version}")
        db.execute("BEGIN IMMEDIATE")
        for statement in _statements(SCHEMA):
            db.execute(statement)
        db.execute("INSERT INTO state VALUES (?, 0)", (_UNREAD,))
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db, 0.0


def _written_s(folder: Path) -> float:
    """When the index was written last, for as long as nobody has opened it since: that makes a new
    log, which is empty.
    """
    times = [0.0]
    for suffix in ("", "-wal"):
        with contextlib.suppress(FileNotFoundError):
            found = (folder / f"{INDEX}{suffix}").stat()
            if found.st_size:
                times.append(found.st_mtime)
    return max(times)


def _file_id(folder: Path) -> tuple[int, int] | None:
    """Device and inode of the index; None if it is not there, or not to be seen."""
    try:
        found = (folder / INDEX).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _bare(item: Item) -> Sidecar:
    return Sidecar(item.kind, item.camera, item.begin_ns, item.end_ns, open=item.open)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether a new index would do better: not on a full disk, nor where nobody may write."""
    if isinstance(error, sqlite3.OperationalError):
        return "no such table" in str(error) or "no such column" in str(error)
    return isinstance(error, sqlite3.DatabaseError)


def _statements(script: str) -> Iterator[str]:
    """The single statements: `executescript` would end the transaction."""
    statement = ""
    for row in script.splitlines(keepends=True):
        statement += row
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
