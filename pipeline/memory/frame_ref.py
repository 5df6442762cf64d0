"""A reference to one captured frame in shared memory, which travels instead of its pixels."""

from typing import Annotated

import msgspec
from msgspec import Meta

NO_FRAME = -1

Count = Annotated[int, Meta(ge=0)]


class FrameRef(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points to one captured frame in a slot of its camera's ring.

    `generation` counts how often the slot was rewritten. When the ring's own count is higher, the
    reference is stale and the frame is discarded. `after` is the frame of this camera that was
    dispatched before this one: with it the results of replicas can be put back into order, and a
    dropped frame is not mistaken for a late one. `failed`: some stage could not process the frame.
    `skipped`: no stage tried, because the frame has killed a stage before.
    """

    camera: Count
    epoch: Count
    slot: Count
    generation: Count
    frame_id: Count
    captured_ns: int
    lossless: bool
    after: Annotated[int, Meta(ge=NO_FRAME)] = NO_FRAME
    failed: bool = False
    skipped: bool = False
