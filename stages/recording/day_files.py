"""The days before of a file that grows: each has a file of its own beside it.

out/gate.jsonl               what is written now
out/gate.2026-11-29.jsonl    a day of UTC before; a second file of a day is gate.2026-11-29.2.jsonl

How long days are kept is counted in days that have files, and not by the clock: one that jumps
deletes no more than the days that it makes.
"""

import contextlib
import math
import os
import re
from pathlib import Path
from typing import NamedTuple

import msgspec

from stages.services.archive.layout import FIRST_DAY

_GB = 1_000_000_000


class DayLimit(msgspec.Struct, frozen=True):
    """How many days are kept beside the one that is written, and how many bytes; None: all."""

    days: float | None = None
    gb: float | None = None


class DayFile(NamedTuple):
    """A file of a day that is over."""

    day: str
    number: int
    path: Path


def set_aside(path: Path, day: str) -> Path:
    """Give a file the name of its day. Nothing is overwritten. Raises OSError."""
    number = 1
    while True:
        aside = path.with_name(_name(path, day, number))
        try:
            os.link(path, aside)
        except FileExistsError:
            if not aside.samefile(path):
                number += 1
                continue
        except OSError:  # a file system without links
            if aside.exists():
                number += 1
                continue
            path.rename(aside)
            return aside
        path.unlink()
        return aside


def note_aside(mark: Path, aside: Path) -> None:
    """Have the mark of a file, in the run's directory, tell of one that was set aside."""
    with mark.open("a") as file:
        file.write(f"{aside}\n")


def files_aside(mark: Path) -> list[Path]:
    """The files that a run has set aside and that are still there, the oldest first."""
    try:
        paths = [Path(line) for line in mark.read_text().splitlines()]
    except FileNotFoundError:
        return []
    return [path for path in paths if path.exists()]


def find_days(path: Path) -> list[DayFile]:
    """The files of the days before, oldest first; those of a wrong clock come last."""
    name = re.compile(
        rf"{re.escape(path.stem)}\.(\d{{4}}-\d\d-\d\d)(?:\.(\d+))?{re.escape(path.suffix)}"
    )
    found = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for each in os.listdir(path.parent):
            if (match := name.fullmatch(each)) is not None:
                found.append(DayFile(match[1], int(match[2] or 1), path.with_name(each)))
    return sorted(found, key=lambda each: (each.day < FIRST_DAY, each.day, each.number))


def prune(path: Path, limit: DayLimit) -> None:
    """Delete the oldest files of what is more than is kept. Raises OSError."""
    kept: set[str] = set()
    size = 0
    for day, _, file in reversed(find_days(path)):
        kept.add(day)
        size += file.stat().st_size
        is_old = limit.days is not None and len(kept) > math.ceil(limit.days)
        if is_old or (limit.gb is not None and size > limit.gb * _GB):
            file.unlink(missing_ok=True)


def _name(path: Path, day: str, number: int) -> str:
    part = "" if number == 1 else f".{number}"
    return f"{path.stem}.{day}{part}{path.suffix}"
