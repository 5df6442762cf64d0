"""Where lies what is kept: a folder for each camera and day of UTC, names that are times of UTC.

record/gate/2026-11-30/14-00-00Z.mp4              continuous recording
record/gate/2026-11-30/clips/14-03-12Z.mp4        a clip; beside it .json and .jpg
record/gate/2026-11-30/snapshots/14-03-15Z.jpg    a snapshot; beside it .json
record/gate/2026-11-30/events.jsonl               its events
"""

import contextlib
import enum
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

INDEX = "index.sqlite"
LOCK = "lock"
EVENTS = "events.jsonl"
SIDECAR, THUMBNAIL = ".json", ".jpg"
DRAFT = "."  # begins the name of a file that is not complete
FIRST_DAY = "2026-01-01"  # the code is of that year, so an earlier day is of a wrong clock
NS = 1_000_000_000

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CAMERA = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME = re.compile(r"\d{2}-\d{2}-\d{2}Z(\.\d+)?\.(mp4|jpg)")


class Kind(enum.StrEnum):
    """What kind of file it is that is kept."""

    CONTINUOUS = "continuous"
    CLIP = "clip"
    SNAPSHOT = "snapshot"

    @property
    def folder(self) -> str:
        """Below that of the day."""
        return "" if self is Kind.CONTINUOUS else f"{self}s"

    @property
    def suffix(self) -> str:
        return ".jpg" if self is Kind.SNAPSHOT else ".mp4"


def day_of(unix_ns: int) -> str:
    """The day of UTC, YYYY-MM-DD."""
    return _utc(unix_ns).strftime("%Y-%m-%d")


def iso_utc(unix_ns: int) -> str:
    """A time in words, with its offset, to the microsecond."""
    return _utc(unix_ns).isoformat(timespec="microseconds")


def begin_of_day(day: str) -> int:
    """UNIX time in ns. Raises ValueError."""
    return int(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()) * NS


def make_file(folder: Path, camera: str, kind: Kind, unix_ns: int) -> Path:
    """A new empty file for what begins at a time. Nothing is ever overwritten.

    Raises:
        OSError: it cannot be made.
    """
    place = folder / camera / day_of(unix_ns) / kind.folder
    place.mkdir(parents=True, exist_ok=True)
    stem = _utc(unix_ns).strftime("%H-%M-%SZ")
    number = 1
    while True:
        name = stem if number == 1 else f"{stem}.{number}"
        path = place / f"{name}{kind.suffix}"
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
            return path
        number += 1


def companions(path: Path) -> tuple[Path, ...]:
    """The files beside a main file that belong to it, whether they are there or not."""
    beside = (path.with_suffix(SIDECAR), path.with_suffix(THUMBNAIL))
    return tuple(each for each in beside if each != path)


def size_of(path: Path) -> int:
    """Bytes of a main file and of what belongs to it."""
    total = 0
    for each in (path, *companions(path)):
        with contextlib.suppress(FileNotFoundError):
            total += each.stat().st_size
    return total


def find_days(folder: Path) -> list[tuple[str, str]]:
    """(camera, day) of every folder of a day, oldest day first; days of a wrong clock come last."""
    found = [(c, day) for c in _names(folder, _CAMERA) for day in _names(folder / c, _DAY)]
    return sorted(found, key=lambda each: (each[1] < FIRST_DAY, each[1], each[0]))


def find_files(folder: Path, camera: str, day: str) -> Iterator[tuple[Kind, Path]]:
    """Every main file of a day."""
    for kind in Kind:
        place = folder / camera / day / kind.folder
        for name in _names(place, _NAME):
            if name.endswith(kind.suffix):
                yield kind, place / name


def remove_drafts(folder: Path, camera: str, day: str) -> None:
    """Remove what a killed process has not completed."""
    for kind in Kind:
        for draft in (folder / camera / day / kind.folder).glob(f"{DRAFT}*"):
            draft.unlink(missing_ok=True)


def remove_empty_folders(path: Path, folder: Path) -> None:
    """Remove the folders that a deleted file has left empty."""
    for parent in path.parents:
        if parent == folder or folder not in parent.parents:
            return
        try:
            parent.rmdir()
        except OSError:
            return


def _names(folder: Path, pattern: re.Pattern[str]) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if pattern.fullmatch(name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _utc(unix_ns: int) -> datetime:
    seconds, ns = divmod(unix_ns, NS)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=ns // 1000)
