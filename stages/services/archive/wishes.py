"""What somebody asks the recorder for, by a row in the index: it outlives both who asks and who
answers.
"""

from typing import NamedTuple

from stages.services.archive.index import Index


class Wish(NamedTuple):
    """A clip of a camera, from a moment on, for so many seconds."""

    camera: str
    at_ns: int
    seconds: float


def add_wish(index: Index, wish: Wish) -> None:
    """Raises sqlite3.Error."""
    with index.change() as db:
        db.execute("INSERT INTO wishes (camera, at_ns, seconds) VALUES (?, ?, ?)", wish)


def take_wishes(index: Index) -> list[Wish]:
    """All of them, each once. Raises sqlite3.Error."""
    rows = index.db.execute("SELECT id, camera, at_ns, seconds FROM wishes ORDER BY id").fetchall()
    if rows:
        with index.change() as db:
            db.execute("DELETE FROM wishes WHERE id <= ?", (rows[-1][0],))
    return [Wish(*row[1:]) for row in rows]
