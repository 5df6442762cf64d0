"""What of the cameras and of their events is kept in files, and for how long."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Kept = Literal["events"]
# What `stages.line.paths` finds by its mark.
FilePath = Annotated[str, Meta(extra={"path": "file"})]  # or folder
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


class RecordConfig(_Section, frozen=True):
    """Files that a run writes, and the folder of what is kept over many runs."""

    jsonl: FilePath | None = None  # the message of every frame, one a line
    events: FilePath | None = None  # every event, one a line
    # annotated MP4; {camera} in the path where there are several
    video: Annotated[FilePath, Meta(pattern=r"\.mp4$")] | None = None
    required: bool = False  # a recording that fails ends the line
    folder: FilePath | None = None  # of what is kept, with an index
    keep: dict[Kept, KeepConfig] = {}
    free_gb: Annotated[float, Meta(ge=0.0, le=1_000_000.0)] = 1.0  # left on the disk
