"""How long and how big a process may be before the supervisor starts it again, and how often."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0.0, le=86_400.0)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the line puts up with."""

    frame_s: Seconds = 10.0  # a process that has work and finishes none for so long is hung
    start_s: Seconds = 60.0  # from its start to its first word: models take time to load
    memory_mb: Annotated[int, Meta(ge=64)] = 512  # of a process, shared memory left out
    restarts: Annotated[int, Meta(ge=0)] = 5  # of one process within `window_s`
    window_s: Seconds = 60.0
    # What becomes of the run when a camera's process has used up its restarts.
    on_lost: Literal["continue", "exit"] = "continue"
