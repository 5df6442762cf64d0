"""A reference to one captured frame in shared memory, which travels instead of its pixels."""

import enum
from typing import Annotated

import msgspec
from msgspec import Meta

NO_FRAME = -1

Count = Annotated[int, Meta(ge=0)]


class Mark(enum.IntEnum):
    """What sets a frame apart from one that every stage works on."""

    NONE = 0
    IDLE = 1  # a stage found that nothing happens in it, so those after it did not look at it
    FAILED = 2  # some stage could not process it
    SKIPPED = 3  # no stage tried, because the frame has killed a stage before


class FrameRef(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Points to one captured frame in a slot of its camera's ring.

    `generation` counts how often the slot was rewritten. When the ring's own count is higher, the
    reference is stale and the frame is discarded. `after` is the frame of this camera that was sent
    before this one (`pipeline.links.chain`): with it the results of replicas can be put back into
    order, and a dropped frame is not mistaken for a late one.
    """

    camera: Count
    epoch: Count
    slot: Count
    generation: Count
    frame_id: Count
    captured_ns: int
    lossless: bool
    after: Annotated[int, Meta(ge=NO_FRAME)] = NO_FRAME
    mark: Mark = Mark.NONE

    @property
    def failed(self) -> bool:
        """It has no result, and never will have one."""
        return self.mark >= Mark.FAILED

    @property
    def idle(self) -> bool:
        return self.mark == Mark.IDLE
