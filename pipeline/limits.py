"""When the supervisor restarts a process that lives: it is silent or too big; and how often."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0.0, le=86_400.0)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the supervisor allows a process."""

    frame_s: Seconds = 10.0  # a process that is silent for longer is hung
    start_s: Seconds = 60.0  # from its start until it is ready: models take time to load
    memory_mb: Annotated[int, Meta(ge=64)] = 512  # of a process, without shared memory
    restarts: Annotated[int, Meta(ge=0)] = 5  # of one process within `window_s`
    window_s: Seconds = 60.0
    # Cameras that differ in name, in a run, with those that are removed: room is made for so many.
    cameras: Annotated[int, Meta(ge=1, le=256)] = 32
    # What happens when the process of a camera has used up its restarts.
    on_lost: Literal["continue", "exit"] = "continue"
