"""Look back: what is kept of a time, page by page, read from the index without writing to it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipeline.client import EventMessage
from stages.services.archive.index import (
    COLUMNS,
    LONGEST_NS,
    Item,
    connect,
    find_item,
    to_item,
)
from stages.services.archive.layout import Kind

MOST = 1000  # rows of a page
_EVENT = msgspec.json.Decoder(EventMessage)


class Cursor(NamedTuple):
    """Where the next page begins: behind the row with this time and number."""

    at_ns: int
    number: int

    def __str__(self) -> str:
        return f"{self.at_ns}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises ValueError."""
        at_ns, _, number = text.partition("-")
        cursor = cls(int(at_ns), int(number))
        if not 0 <= min(cursor) <= max(cursor) < 1 << 63:
            raise ValueError(f"invalid literal: {text[:40]}")
        return cursor


class Query(NamedTuple):
    """Newest first. `from_ns` belongs to the time, `to_ns` does not; None is without an end."""

    from_ns: int | None = None
    to_ns: int | None = None
    camera: str | None = None
    kind: str | None = None
    limit: int = 100
    cursor: Cursor | None = None


class Page(NamedTuple):
    """Rows, and where those that are left begin."""

    rows: list[Any]
    next: Cursor | None


class Total(NamedTuple):
    """What the files of a kind and camera take."""

    kind: Kind
    camera: str
    files: int
    bytes: int


class Listing:
    """Reads an index that another process writes.

    Raises:
        FileNotFoundError: there is no index yet.
        sqlite3.Error: it cannot be read; the recorder makes it anew.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def items(self, query: Query) -> Page:
        """Files that begin in the time, as `Item`s."""
        where, values = _where(query, "begin_ns")
        with closing(self._connect()) as db:
            rows = db.execute(
                f"SELECT begin_ns, id, {COLUMNS} FROM items {where}"
                " ORDER BY begin_ns DESC, id DESC LIMIT ?",
                (*values, query.limit + 1),
            ).fetchall()
        return _page(rows, query.limit, lambda row: to_item(row[2:]))

    def events(self, query: Query) -> Page:
        """Events of the time, as `EventMessage`s."""
        where, values = _where(query, "at_ns")
        with closing(self._connect()) as db:
            rows = db.execute(
                f"SELECT at_ns, id, json FROM events {where} ORDER BY at_ns DESC, id DESC LIMIT ?",
                (*values, query.limit + 1),
            ).fetchall()
        return _page(rows, query.limit, lambda row: _EVENT.decode(row[2]))

    def overlapping(self, camera: str, kind: Kind, from_ns: int, to_ns: int) -> list[Item]:
        """Files that show a part of the time, oldest first."""
        with closing(self._connect()) as db:
            rows = db.execute(
                f"SELECT {COLUMNS} FROM items WHERE camera = ? AND kind = ? AND begin_ns < ?"
                " AND end_ns > ? AND begin_ns > ? ORDER BY begin_ns",
                (camera, kind, to_ns, from_ns, from_ns - LONGEST_NS),
            )
            return [to_item(row) for row in rows]

    def count_events(self, camera: str, from_ns: int, to_ns: int, each_ns: int) -> list[int]:
        """How many events a camera had in each part of a time; the last part may be shorter."""
        counts = [0] * -((from_ns - to_ns) // each_ns)
        with closing(self._connect()) as db:
            rows = db.execute(
                "SELECT (at_ns - ?) / ?, count(*) FROM events"
                " WHERE camera = ? AND at_ns >= ? AND at_ns < ? GROUP BY 1",
                (from_ns, each_ns, camera, from_ns, to_ns),
            )
            for part, count in rows:
                counts[part] = count
        return counts

    def find(self, path: str) -> Item | None:
        with closing(self._connect()) as db:
            return find_item(db, path)

    def totals(self) -> list[Total]:
        with closing(self._connect()) as db:
            rows = db.execute("SELECT kind, camera, files, bytes FROM totals ORDER BY 1, 2")
            return [Total(Kind(kind), camera, files, size) for kind, camera, files, size in rows]

    def _connect(self) -> sqlite3.Connection:
        try:
            return connect(self._folder, "ro")
        except sqlite3.OperationalError as error:
            raise FileNotFoundError(f"{self._folder}: {error}") from None


def _where(query: Query, time: str) -> tuple[str, list[object]]:
    """The conditions, and the values in them."""
    terms, values = [], list[object]()
    for term, value in (
        (f"{time} >= ?", query.from_ns),
        (f"{time} < ?", query.to_ns),
        ("camera = ?", query.camera),
        ("kind = ?", query.kind),
    ):
        if value is not None:
            terms.append(term)
            values.append(value)
    if query.cursor is not None:
        terms.append(f"({time}, id) < (?, ?)")
        values += query.cursor
    return (f"WHERE {' AND '.join(terms)}" if terms else ""), values


def _page(rows: list[Any], limit: int, convert: Any) -> Page:
    more = len(rows) > limit
    rows = rows[:limit]
    return Page([convert(row) for row in rows], Cursor(*rows[-1][:2]) if more else None)
