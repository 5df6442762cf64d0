"""What is known of a file that is kept, as JSON beside it."""

import os
from pathlib import Path

import msgspec

from pipeline.client import EventMessage, ModelInfo
from stages.services.archive.layout import DRAFT, SIDECAR, Kind

VERSION = 1


class Gap(msgspec.Struct, frozen=True):
    """A time of which there is nothing, and why."""

    begin_unix_ns: int
    end_unix_ns: int
    why: str


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """One object in one frame; the box is (x1, y1, x2, y2) in pixels of the file's size."""

    track_id: int | None
    label: str
    score: float
    box: tuple[float, float, float, float]


class Boxes(msgspec.Struct, frozen=True, array_like=True):
    """What was found in the frame that is shown at a time from the file's first frame on."""

    at_s: float
    pts_ns: int
    captured_unix_ns: int
    seen: tuple[Seen, ...]


class Track(msgspec.Struct):
    """An object that was seen meanwhile."""

    track_id: int
    label: str
    best_score: float
    first_unix_ns: int
    last_unix_ns: int


class Sidecar(msgspec.Struct, omit_defaults=True):
    """All of it. Times are UNIX times of arrival or capture by the clock of this machine.

    `begin_unix_ns` is that of the first frame. A file that is `open` is being written, or its
    process was killed. The parts of one clip have the same `group`.
    """

    kind: Kind
    camera: str
    begin_unix_ns: int
    end_unix_ns: int
    begin: str = ""  # the same in words
    end: str = ""
    v: int = VERSION
    open: bool = False
    ended: bool = False  # all is written; what is `open` yet waits to be finished only
    thumbnail_s: float | None = None  # time in the film
    until_unix_ns: int = 0  # a clip that is open is to go on until then, at least
    goes_on: bool = False  # the clip had to go on in another part, here or after its process
    protected: bool = False
    host: str = ""
    run: str = ""
    codec: str = ""
    width: int = 0
    height: int = 0
    model: ModelInfo | None = None
    why: str = ""  # the rule, or who has asked
    group: str = ""
    part: int = 1
    pre_roll_s: float | None = None  # from the first frame to the event
    epochs: list[int] = []
    drops: dict[str, int] = {}
    gaps: list[Gap] = []
    notes: list[str] = []  # what is not as asked for
    events: list[EventMessage] = []
    tracks: list[Track] = []
    boxes: list[Boxes] = []

    @property
    def labels(self) -> list[str]:
        """Of all that it shows, each once."""
        found = [event.label for event in self.events] + [track.label for track in self.tracks]
        return sorted(set(found))


_decoder = msgspec.json.Decoder(Sidecar)


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Write that of a main file, whole or not at all. Raises OSError."""
    write_whole(path.with_suffix(SIDECAR), msgspec.json.encode(sidecar))


def read_sidecar(path: Path) -> Sidecar | None:
    """That of a main file; None if there is none, or none that can be read."""
    try:
        return _decoder.decode(path.with_suffix(SIDECAR).read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file in one step. Raises OSError."""
    draft = path.with_name(f"{DRAFT}{path.name}")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
