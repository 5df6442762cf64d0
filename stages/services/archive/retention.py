"""Which files go when: by age, by the bytes of their kind and camera, and by the room on the disk.

The oldest go first. Protected ones, and the minute before each, go neither for their age nor for
their bytes, and for room on the disk after all others. Files that are being written stay.
"""

import os
from collections.abc import Callable, Mapping

import msgspec

from pipeline.logger import logger
from stages.services.archive.clock import FIRST_UNIX_NS, ClockWatch
from stages.services.archive.history import History
from stages.services.archive.index import Index
from stages.services.archive.layout import NS, Kind, remove_empty_folders

_AT_ONCE = 50  # files that go in one turn; others are waited for by the next
_DAY_NS = 24 * 3600 * NS
_GB = 1_000_000_000


class Limit(msgspec.Struct, frozen=True):
    """How long files of a kind and camera are kept, and how many bytes; None: no limit."""

    days: float | None = None
    gb: float | None = None


class Limits(msgspec.Struct, frozen=True):
    """`kinds` of each kind, and of `events`; `cameras` of one camera, by kind."""

    free_gb: float = 1.0
    kinds: Mapping[str, Limit] = {}
    cameras: Mapping[str, Mapping[str, Limit]] = {}

    def of(self, kind: str, camera: str) -> Limit:
        own = self.cameras.get(camera, {}).get(kind)
        return self.kinds.get(kind, Limit()) if own is None else own


class Retention:
    """Deletes a limited number of files in each turn; what a turn takes does not grow with them."""

    def __init__(
        self,
        index: Index,
        limits: Limits,
        watch: ClockWatch,
        free_bytes: Callable[[], int] | None = None,
    ) -> None:
        """`free_bytes` tells the room on the disk, if it shall not be asked for."""
        self._index = index
        self._limits = limits
        self._watch = watch
        self._free_bytes = free_bytes or self._ask
        self._refused = set[str]()  # files that cannot be deleted

    def take_turn(self) -> int:
        """Delete what has to go; returns how many files have gone. Raises sqlite3.Error."""
        pairs = self._index.db.execute("SELECT kind, camera, bytes FROM totals").fetchall()
        now = self._watch.look()
        gone = 0
        for kind, camera, size in pairs:
            limit = self._limits.of(kind, camera)
            if limit.gb is not None:
                gone += self._shrink(kind, camera, size - round(limit.gb * _GB))
            if now is not None and limit.days is not None:
                gone += self._age(kind, camera, now - round(limit.days * _DAY_NS))
        if now is not None:
            gone += self._age_events(now)
        return gone + self.make_room()

    def make_room(self, wanted_bytes: int = 0) -> int:
        """Delete until the disk has as much room as configured, and as wanted.

        Returns how many files have gone; 0 if there is room, or nothing that may go.
        """
        wanted = max(round(self._limits.free_gb * _GB), wanted_bytes)
        gone = 0
        while gone < _AT_ONCE and self._free_bytes() < wanted:
            rows = self._find("WHERE open = 0 ORDER BY rank, id", (), 1)
            if not rows:
                break
            gone += sum(self._remove(path) for path, _ in rows)
        return gone

    def has_room(self, wanted_bytes: int) -> bool:
        return self._free_bytes() >= wanted_bytes

    def _shrink(self, kind: Kind, camera: str, surplus: int) -> int:
        if surplus <= 0:
            return 0
        rows = self._find(
            "WHERE open = 0 AND kind = ? AND camera = ? AND rank = 0 ORDER BY id", (kind, camera)
        )
        gone = 0
        for path, size in rows:
            if surplus <= 0:
                break
            if self._remove(path):
                surplus -= size
                gone += 1
        return gone

    def _age(self, kind: Kind, camera: str, before_ns: int) -> int:
        """Of files that were recorded with a wrong clock nobody knows the age."""
        rows = self._find(
            "WHERE open = 0 AND kind = ? AND camera = ? AND rank = 0"
            " AND begin_ns >= ? AND begin_ns < ? AND end_ns < ? ORDER BY begin_ns",
            (kind, camera, FIRST_UNIX_NS, before_ns, before_ns),
        )
        return sum(self._remove(path) for path, _ in rows)

    def _age_events(self, now: int) -> int:
        history = History(self._index)
        gone = 0
        for (camera,) in self._index.db.execute("SELECT DISTINCT camera FROM event_files"):
            days = self._limits.of("events", camera).days
            if days is not None:
                gone += history.remove_before(now - round(days * _DAY_NS), camera, most=2)
        return gone

    def _find(
        self, where: str, values: tuple[object, ...], most: int = _AT_ONCE
    ) -> list[tuple[str, int]]:
        """(path, bytes) of files that may go."""
        rows = self._index.db.execute(
            f"SELECT path, bytes FROM items {where} LIMIT ?", (*values, most + len(self._refused))
        )
        return [row for row in rows if row[0] not in self._refused][:most]

    def _remove(self, path: str) -> int:
        """1 if the file has gone; one that cannot be deleted is told once."""
        try:
            self._index.remove(path)
        except OSError as error:
            self._refused.add(path)
            logger.error("record.folder: cannot delete {}: {}", path, error.strerror)
            return 0
        remove_empty_folders(self._index.folder / path, self._index.folder)
        return 1

    def _ask(self) -> int:
        found = os.statvfs(self._index.folder)
        return found.f_bavail * found.f_frsize
