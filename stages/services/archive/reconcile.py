"""Makes the index say what the files say: after a crash, and when it is lost or older than they."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from stages.services.archive.history import History
from stages.services.archive.index import Index
from stages.services.archive.layout import (
    EVENTS,
    NS,
    Kind,
    begin_of_day,
    find_days,
    find_files,
    remove_drafts,
)
from stages.services.archive.sidecar import Sidecar, read_sidecar

_DAY_NS = 24 * 3600 * NS
_MARGIN_S = 60.0  # between the time stamps of the index and of what it is of


def reconcile(index: Index) -> Iterator[None]:
    """Compare day by day; it may take long, so somebody else has a turn after each file.

    Looked at are the folders that have changed since the index was written, and all of them if it
    is new. What was deleted by hand leaves the index; what is not in it comes in. What is left of
    it by an error, or by a process that is killed, is done by whoever compares next.
    """
    folder, history = index.folder, History(index)
    index.keep_unread()
    unread_s = index.unread_s - _MARGIN_S
    known = {_camera_and_day(item.path) for item in index.open_items()}
    days = find_days(folder)
    for camera, day in days:
        if (camera, day) in known or _changed_s(folder / camera / day) >= unread_s:
            remove_drafts(folder, camera, day)
            yield from _reconcile_day(index, camera, day)
            history.follow(camera, day)
            yield
    yield from _forget_days(index, history, set(days))
    index.trust()


def _reconcile_day(index: Index, camera: str, day: str) -> Iterator[None]:
    begin_ns = begin_of_day(day)
    rows = index.db.execute(
        "SELECT path FROM items WHERE camera = ? AND begin_ns >= ? AND begin_ns < ?",
        (camera, begin_ns, begin_ns + _DAY_NS),
    ).fetchall()
    missing = {path for (path,) in rows}
    for kind, path in find_files(index.folder, camera, day):
        name = str(path.relative_to(index.folder))
        if name in missing:
            missing.discard(name)
            continue
        with contextlib.suppress(FileNotFoundError):  # deleted just now
            sidecar = read_sidecar(path)
            if sidecar is None and path.stat().st_size == 0:
                path.unlink()  # a process was killed when it had made it
            else:
                index.put(path, sidecar or guess_sidecar(kind, camera, path))
        yield
    for name in missing:
        index.forget(name)


def _forget_days(index: Index, history: History, days: set[tuple[str, str]]) -> Iterator[None]:
    """Take out what lies in folders that are gone."""
    for camera, day in index.db.execute("SELECT camera, day FROM event_files").fetchall():
        if not (index.folder / camera / day / EVENTS).exists():
            history.follow(camera, day)
            yield
    cameras = {camera for camera, _ in index.db.execute("SELECT camera, kind FROM totals")}
    for camera in cameras:
        for day in _indexed_days(index, camera):
            if (camera, day) not in days:
                yield from _reconcile_day(index, camera, day)


def _indexed_days(index: Index, camera: str) -> list[str]:
    """The days of a camera's files, found from one to the next by the index."""
    days: list[str] = []
    after = -1
    while True:
        row = index.db.execute(
            "SELECT path, begin_ns FROM items WHERE camera = ? AND begin_ns > ?"
            " ORDER BY begin_ns LIMIT 1",
            (camera, after),
        ).fetchone()
        if row is None:
            return days
        _, day = _camera_and_day(row[0])
        days.append(day)
        after = max(begin_of_day(day) + _DAY_NS - 1, row[1])


def guess_sidecar(kind: Kind, camera: str, path: Path) -> Sidecar:
    """What name and file tell of one without a sidecar."""
    stem = path.name.partition(".")[0]
    hours, minutes, seconds = (int(part) for part in stem.rstrip("Z").split("-"))
    day = _day_of(path, kind)
    begin_ns = begin_of_day(day) + (hours * 3600 + minutes * 60 + seconds) * NS
    end_ns = max(begin_ns, path.stat().st_mtime_ns)
    if end_ns - begin_ns > 2 * 3600 * NS:  # it was copied, or the clock was wrong
        end_ns = begin_ns
    return Sidecar(kind, camera, begin_ns, end_ns, notes=["the sidecar is missing"])


def _day_of(path: Path, kind: Kind) -> str:
    return (path.parent if kind is Kind.CONTINUOUS else path.parent.parent).name


def _camera_and_day(path: str) -> tuple[str, str]:
    camera, day, *_ = Path(path).parts
    return camera, day


def _changed_s(day: Path) -> float:
    """When a file of the day came or went last."""
    times = [0.0]
    for kind in Kind:
        with contextlib.suppress(FileNotFoundError):
            times.append((day / kind.folder).stat().st_mtime)
    with contextlib.suppress(FileNotFoundError):
        times.append((day / EVENTS).stat().st_mtime)
    return max(times)
