"""The events of each camera, by days: lines of JSON, and their place in the index."""

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pipeline.client import EventMessage
from stages.services.archive.index import Index
from stages.services.archive.layout import (
    EVENTS,
    FIRST_DAY,
    NS,
    begin_of_day,
    day_of,
    remove_empty_folders,
)

_CHUNK = 5000  # rows of a transaction
_DAY_NS = 24 * 3600 * NS
_decoder = msgspec.json.Decoder(EventMessage)


class History:
    """Appends events to the file of their day. The index follows the file, never the other way."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def add(self, event: EventMessage) -> None:
        """Keep an event. Raises OSError, sqlite3.Error."""
        day = day_of(event.captured_unix_ns)
        path = self._path(event.camera, day)
        path.parent.mkdir(parents=True, exist_ok=True)
        _append(path, msgspec.json.encode(event) + b"\n")
        self.follow(event.camera, day)

    def next_seq(self, camera: str, run: str) -> int:
        """Number of the event of a run that comes after those that are kept."""
        (last,) = self._index.db.execute(
            "SELECT max(seq) FROM events WHERE camera = ? AND run = ?", (camera, run)
        ).fetchone()
        return 0 if last is None else last + 1

    def follow(self, camera: str, day: str) -> int:
        """Take into the index what is new in a file; returns how many events that is.

        Lines that cannot be read are passed over. A file that is gone takes its events along.
        """
        done = self._done(camera, day)
        try:
            with self._path(camera, day).open("rb") as file:
                if os.fstat(file.fileno()).st_size < done:  # another file
                    self._forget(camera, day)
                    done = 0
                file.seek(done)
                lines = file.read()
        except FileNotFoundError:
            self._forget(camera, day)
            return 0
        whole = lines[: lines.rfind(b"\n") + 1]
        rows = whole.splitlines(keepends=True)
        for at in range(0, len(rows), _CHUNK):
            chunk = rows[at : at + _CHUNK]
            done += sum(map(len, chunk))
            self._insert(camera, day, chunk, done)
        return len(rows)

    def remove_before(self, unix_ns: int, camera: str, most: int) -> int:
        """Delete whole days that ended before a time; returns how many, `most` at most."""
        days = self._index.db.execute(
            "SELECT day FROM event_files WHERE camera = ? AND day >= ? AND day < ?"
            " ORDER BY day LIMIT ?",
            (camera, FIRST_DAY, day_of(max(unix_ns, 0)), most),
        ).fetchall()
        for (day,) in days:
            path = self._path(camera, day)
            path.unlink(missing_ok=True)
            self._forget(camera, day)
            remove_empty_folders(path, self._index.folder)
        return len(days)

    def _insert(self, camera: str, day: str, lines: Iterable[bytes], done: int) -> None:
        rows = []
        for line in lines:
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                event = _decoder.decode(line)
                rows.append(
                    (event.captured_unix_ns, event.camera, event.kind, event.run, event.seq,
                     line.rstrip(b"\n"))
                )  # fmt: skip
        with self._index.change() as db:
            db.executemany(
                "INSERT OR IGNORE INTO events (at_ns, camera, kind, run, seq, json)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
            db.execute("INSERT OR REPLACE INTO event_files VALUES (?, ?, ?)", (camera, day, done))

    def _forget(self, camera: str, day: str) -> None:
        begin_ns = begin_of_day(day)
        with self._index.change() as db:
            db.execute(
                "DELETE FROM events WHERE camera = ? AND at_ns >= ? AND at_ns < ?",
                (camera, begin_ns, begin_ns + _DAY_NS),
            )
            db.execute("DELETE FROM event_files WHERE camera = ? AND day = ?", (camera, day))

    def _done(self, camera: str, day: str) -> int:
        row = self._index.db.execute(
            "SELECT bytes FROM event_files WHERE camera = ? AND day = ?", (camera, day)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def _path(self, camera: str, day: str) -> Path:
        return self._index.folder / camera / day / EVENTS


def _append(path: Path, line: bytes) -> None:
    """Add a line whole or not at all; what a killed process has left unfinished is cut off."""
    with path.open("a+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end and os.pread(file.fileno(), 1, end - 1) != b"\n":
            end = _last_line(file.fileno(), end)
            os.ftruncate(file.fileno(), end)
        try:
            written = file.write(line)
        except OSError:
            written = 0
        if written != len(line):
            os.ftruncate(file.fileno(), end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _last_line(fd: int, end: int) -> int:
    """Where the last whole line ends."""
    tail = os.pread(fd, 1 << 20, max(end - (1 << 20), 0))
    return end - len(tail) + tail.rfind(b"\n") + 1
