"""What is known of the newest frames, for a bounded number of them."""

from typing import Generic, TypeVar

from pipeline.memory.frame_ref import FrameRef

_KEPT = 64  # a ring has 8 slots, so frames that are sent again are among the newest

T = TypeVar("T")


class RecentFrames(Generic[T]):
    """One value per frame. A camera's oldest frame is forgotten when it has too many."""

    def __init__(self) -> None:
        self._values: dict[int, dict[int, T]] = {}  # by camera, by frame_id, oldest first

    def __contains__(self, ref: FrameRef) -> bool:
        return ref.frame_id in self._values.get(ref.camera, ())

    def find(self, ref: FrameRef) -> T | None:
        return self._values[ref.camera].get(ref.frame_id) if ref.camera in self._values else None

    def put(self, ref: FrameRef, value: T) -> None:
        values = self._values.setdefault(ref.camera, {})
        values[ref.frame_id] = value
        if len(values) > _KEPT:
            del values[next(iter(values))]

    def forget(self, camera: int) -> None:
        """The camera is gone."""
        self._values.pop(camera, None)
