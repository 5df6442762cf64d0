"""What is known of the newest frames, for a bounded number of them."""

from typing import Generic, TypeVar

from pipeline.memory.frame_ref import FrameRef

_KEPT_PER_CAMERA = 64  # a ring has 8 slots, so frames that are sent again are among the newest

T = TypeVar("T")


class RecentFrames(Generic[T]):
    """One value per frame. The oldest frame is forgotten when there are too many."""

    def __init__(self, cameras: int) -> None:
        self._kept = cameras * _KEPT_PER_CAMERA
        self._values: dict[tuple[int, int], T] = {}  # by camera and frame_id, oldest first

    def __contains__(self, ref: FrameRef) -> bool:
        return (ref.camera, ref.frame_id) in self._values

    def find(self, ref: FrameRef) -> T | None:
        return self._values.get((ref.camera, ref.frame_id))

    def put(self, ref: FrameRef, value: T) -> None:
        self._values[ref.camera, ref.frame_id] = value
        if len(self._values) > self._kept:
            del self._values[next(iter(self._values))]
