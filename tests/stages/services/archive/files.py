"""Files that are kept, made by tests without a camera."""

from pathlib import Path

from pipeline.client import EventMessage
from stages.services.archive.clock import Clock
from stages.services.archive.index import Index
from stages.services.archive.layout import NS, Kind, begin_of_day, make_file
from stages.services.archive.sidecar import Sidecar, write_sidecar

DAY_NS = 24 * 3600 * NS
NOON_NS = begin_of_day("2026-11-30") + DAY_NS // 2


class SetClock(Clock):
    """A clock that tests set; `wait` lets time go by."""

    def __init__(self, unix_ns: int = NOON_NS) -> None:
        self._unix_ns = unix_ns
        self._passed_ns = 10 * NS

    def unix_ns(self) -> int:
        return self._unix_ns

    def passed_ns(self) -> int:
        return self._passed_ns

    def wait(self, seconds: float) -> None:
        self._unix_ns += round(seconds * NS)
        self._passed_ns += round(seconds * NS)

    def set(self, unix_ns: int) -> None:
        self._unix_ns = unix_ns


def add_file(
    index: Index,
    begin_ns: int,
    kind: Kind = Kind.CONTINUOUS,
    camera: str = "gate",
    *,
    seconds: float = 60.0,
    size: int = 1000,
    is_open: bool = False,
) -> str:
    """Make a file of `size` bytes with its sidecar, and tell the index; returns its path there."""
    path = make_file(index.folder, camera, kind, begin_ns)
    path.write_bytes(b"x" * size)
    sidecar = Sidecar(kind, camera, begin_ns, begin_ns + round(seconds * NS), open=is_open)
    write_sidecar(path, sidecar)
    index.put(path, sidecar, size)
    return str(path.relative_to(index.folder))


def names(folder: Path) -> set[str]:
    """Paths of all main files that are there."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*Z*.*") if p.suffix != ".json"}


def make_event(
    at_ns: int, seq: int, camera: str = "gate", kind: str = "zone_enter", **fields: object
) -> EventMessage:
    values: dict[str, object] = {
        "v": 1, "host": "here", "run": "r1", "camera": camera, "seq": seq, "kind": kind,
        "track_id": 7, "label": "person", "class_id": 0, "score": 0.9, "box": (1.0, 2.0, 3.0, 4.0),
        "width": 640, "height": 480, "epoch": 1, "frame_id": seq, "pts_ns": 0,
        "captured_unix_ns": at_ns, "region": "yard", **fields,
    }  # fmt: skip
    return EventMessage(**values)  # type: ignore[arg-type]
