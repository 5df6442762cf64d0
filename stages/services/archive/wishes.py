"""What somebody asks the recorder for, by a row in the index: it outlives both who asks and who
answers.
"""

from collections.abc import Iterable
from typing import NamedTuple

from stages.services.archive.index import Index

ALL = ""  # for the name of a camera: each of them


class Wish(NamedTuple):
    """A clip of a camera, from a moment on, for so many seconds."""

    camera: str
    at_ns: int
    seconds: float


def add_wish(index: Index, wish: Wish) -> None:
    """Raises sqlite3.Error."""
    with index.change() as db:
        db.execute("INSERT INTO wishes (camera, at_ns, seconds) VALUES (?, ?, ?)", wish)


def read_wishes(index: Index) -> list[Wish]:
    """All of them, in the order in which they came. Raises sqlite3.Error."""
    rows = index.db.execute("SELECT camera, at_ns, seconds FROM wishes ORDER BY id").fetchall()
    return [Wish(*row) for row in rows]


def drop_wishes(index: Index, wishes: Iterable[Wish]) -> None:
    """Those that are granted, or refused. Raises sqlite3.Error."""
    with index.change() as db:
        db.executemany("DELETE FROM wishes WHERE camera = ? AND at_ns = ? AND seconds = ?", wishes)
