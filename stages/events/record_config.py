"""What of the cameras and of their events is kept in files, and for how long."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from stages.events.config import Share

Kept = Literal["continuous", "clips", "snapshots", "events", "messages"]
EventName = Literal[
    "track_begin", "track_end", "zone_enter", "zone_leave", "zone_dwell", "line_cross"
]
Seconds = Annotated[float, Meta(ge=0.0, le=600.0)]
# What `stages.line.configuration.marks` finds by its mark.
FilePath = Annotated[str, Meta(extra={"mark": "file"})]  # or folder
PlainText = Annotated[str, Meta(extra={"mark": "text"})]
_Days = Annotated[float, Meta(gt=0.0, le=36_500.0)]
_Gigabytes = Annotated[float, Meta(gt=0.0, le=1_000_000.0)]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the configuration; unknown keys are refused."""


class LimitConfig(_Section, frozen=True):
    """What is older goes, and the oldest of what is more; null is no limit."""

    days: _Days | None = None
    gb: _Gigabytes | None = None  # of one camera, in 10^9 bytes


class KeepConfig(_Section, frozen=True):
    """How long one kind of file is kept."""

    days: _Days | None = None
    gb: _Gigabytes | None = None
    cameras: dict[str, LimitConfig] = {}  # other limits for these


USUALLY_KEPT: Mapping[Kept, KeepConfig] = {
    "continuous": KeepConfig(days=7),
    "clips": KeepConfig(days=30),
    "snapshots": KeepConfig(days=30),
    "events": KeepConfig(days=365),
    "messages": KeepConfig(days=30),
}
# What the archive calls one of each that it holds.
ARCHIVE_KINDS: Mapping[Kept, str] = {
    "continuous": "continuous", "clips": "clip", "snapshots": "snapshot", "events": "events"
}  # fmt: skip


class ContinuousConfig(_Section, frozen=True):
    """All that a camera sends, in files that follow each other."""

    cameras: tuple[str, ...] = ()  # all when empty
    segment_s: Annotated[float, Meta(ge=10.0, le=3600.0)] = 300.0  # of one file, about


class ClipConfig(_Section, frozen=True):
    """Which events are worth a film, and what is seen before and after them."""

    events: Annotated[tuple[EventName, ...], Meta(min_length=1)] = ("zone_enter", "line_cross")
    cameras: tuple[str, ...] = ()  # all when empty, as in the next two
    regions: tuple[str, ...] = ()  # names of zones and lines
    labels: tuple[str, ...] = ()
    min_score: Share = 0.0
    pre_s: Seconds = 5.0
    post_s: Seconds = 5.0
    join_s: Seconds = 5.0  # another event within so much of the end is in the same clip
    max_s: Annotated[float, Meta(ge=10.0, le=3600.0)] = 300.0  # of one part


class SnapshotConfig(_Section, frozen=True):
    """The best picture of each track."""

    cameras: tuple[str, ...] = ()  # all when empty, as in the next one
    labels: tuple[str, ...] = ()
    min_score: Share = 0.0
    annotated: bool = True  # with the box
    crop: bool = False  # the object and a little around it


class RecordConfig(_Section, frozen=True):
    """Files that a run writes, and the folder of what is kept over many runs."""

    jsonl: FilePath | None = None  # the message of every frame, one a line; a file a day
    events: FilePath | None = None  # every event, one a line; a file a day
    # annotated MP4; {camera} in the path where there are several
    video: Annotated[FilePath, Meta(pattern=r"\.mp4$")] | None = None
    required: bool = False  # a recording that fails ends the line
    folder: FilePath | None = None  # of what is kept, with an index
    continuous: ContinuousConfig | None = None
    clips: dict[str, ClipConfig] = {}
    snapshots: SnapshotConfig | None = None
    keep: dict[Kept, KeepConfig] = {}
    free_gb: Annotated[float, Meta(ge=0.0, le=1_000_000.0)] = 1.0  # left on the disk

    def __post_init__(self) -> None:
        wants = {"continuous": self.continuous, "clips": self.clips, "snapshots": self.snapshots}
        for key, wanted in wants.items():
            if wanted and self.folder is None:
                raise ValueError(f"expected record.folder too where record.{key} is given")
        if self.kept("messages").cameras:
            raise ValueError("expected no cameras in record.keep.messages: all are in one file")

    def kept(self, kind: Kept) -> KeepConfig:
        """How long a kind is kept."""
        return self.keep.get(kind, USUALLY_KEPT[kind])
