"""What the API answers of the past."""

from typing import Literal
from urllib.parse import quote

import msgspec

from pipeline.client import EventMessage
from stages.services.archive.index import Item
from stages.services.archive.layout import Kind, iso_utc
from stages.services.archive.sidecar import Sidecar

_SEPARATOR = "~"  # in an id, in place of the slashes of a path; no camera has it in its name


class Events(msgspec.Struct, frozen=True):
    """A page of events, newest first. `next` is the cursor of the page after it."""

    events: tuple[EventMessage, ...]
    next: str | None


class Recording(msgspec.Struct, frozen=True):
    """One file that is kept. `begin` and `end` are UTC."""

    id: str
    kind: Literal["continuous", "clip", "snapshot"]
    camera: str
    begin: str
    end: str
    begin_unix_ns: int
    end_unix_ns: int
    bytes: int
    open: bool  # being written
    protected: bool
    labels: tuple[str, ...]
    why: str  # the rule, of a clip
    notes: int  # gaps, and what is not as it was asked for: `sidecar` tells them
    file: str  # address
    thumbnail: str | None


class Recordings(msgspec.Struct, frozen=True):
    """A page of files, newest first. `next` is the cursor of the page after it."""

    recordings: tuple[Recording, ...]
    next: str | None


class RecordingAndSidecar(msgspec.Struct, frozen=True):
    """One file, and what is known of it."""

    recording: Recording
    sidecar: Sidecar | None


class Span(msgspec.Struct, frozen=True):
    """A time that is recorded without a gap."""

    begin_unix_ns: int
    end_unix_ns: int


class Timeline(msgspec.Struct, frozen=True):
    """A day of one camera: what is recorded of it, its clips, and its events hour by hour.

    Hours are counted from the beginning; the last one may be a part of an hour.
    """

    camera: str
    day: str  # of UTC, on which it begins
    begin_unix_ns: int
    end_unix_ns: int
    continuous: tuple[Span, ...]
    clips: tuple[Recording, ...]
    events: tuple[int, ...]


class Wished(msgspec.Struct, frozen=True):
    """A clip will be made; it is listed when it has begun."""

    camera: str
    begin_unix_ns: int
    seconds: float


def id_of(path: str) -> str:
    return path.replace("/", _SEPARATOR)


def path_of(recording: str) -> str:
    return recording.replace(_SEPARATOR, "/")


def describe(item: Item) -> Recording:
    name = id_of(item.path)
    address = f"/recordings/{quote(name)}"
    return Recording(
        id=name,
        kind=item.kind.value,
        camera=item.camera,
        begin=iso_utc(item.begin_ns),
        end=iso_utc(item.end_ns),
        begin_unix_ns=item.begin_ns,
        end_unix_ns=item.end_ns,
        bytes=item.bytes,
        open=item.open,
        protected=item.protected,
        labels=item.labels,
        why=item.why,
        notes=item.notes,
        file=address,
        thumbnail=f"{address}/thumbnail.jpg" if item.kind is Kind.CLIP else None,
    )
