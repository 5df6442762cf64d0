"""What somebody asks the recorder for, by a row in the index: it outlives both who asks and who
answers.
"""

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


def read_wishes(index: Index) -> tuple[list[Wish], int]:
    """All of them, and a number by which they are dropped. Raises sqlite3.Error."""
    rows = index.db.execute("SELECT id, camera, at_ns, seconds FROM wishes ORDER BY id").fetchall()
    return [Wish(*row[1:]) for row in rows], rows[-1][0] if rows else 0


def drop_wishes(index: Index, number: int) -> None:
    """Those that were read, and are granted now. Raises sqlite3.Error."""
    with index.change() as db:
        db.execute("DELETE FROM wishes WHERE id <= ?", (number,))
