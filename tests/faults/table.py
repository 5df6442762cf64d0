"""A CSV file that grows by rows of one type, and is read again when a soak goes on."""

import csv
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

Row = TypeVar("Row", bound=tuple[Any, ...])  # a NamedTuple


class Table(Generic[Row]):
    """Each row is in the file at once: an interruption loses nothing."""

    def __init__(self, path: Path, kind: type[Row]) -> None:
        self._path = path
        self.rows: list[Row] = []
        if path.exists():
            with path.open(newline="") as file:
                texts = list(csv.reader(file))[1:]
            self.rows = [
                msgspec.convert([text or None for text in row], kind, strict=False) for row in texts
            ]
            return
        with path.open("w", newline="") as file:
            csv.writer(file).writerow(kind.__annotations__)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        with self._path.open("a", newline="") as file:
            csv.writer(file).writerow(row)
