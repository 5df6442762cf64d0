"""Puts the results of replicas back into the order in which the camera delivered the frames."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from pipeline.links.parcel import Parcel
from pipeline.memory.frame_ref import NO_FRAME, FrameRef

_WAIT_NS = 500_000_000  # for a live frame that a killed or hung replica holds


class Reorder:
    """Holds a frame back until the frame that was dispatched before it has passed.

    A live frame waits for a limited time; the frame before it, which may come later than that, has
    been overtaken then. A lossless frame waits without limit: the replica that holds the frame
    before it either delivers it or dies, and after a death both frames are sent again. The slots of
    the ring bound how many frames can wait.

    A stage that gets each frame once needs it behind a link without replicas, too: what was sent to
    a killed reader is lost, and its successor may get later frames before those are sent again.

    Args:
        passed: by camera, the last frame that an earlier process in this place has let pass.
        is_current: whether a reference is not stale. A stale one does not let later frames pass.
    """

    def __init__(self, passed: Iterable[int], is_current: Callable[[FrameRef], bool]) -> None:
        self._passed = list(passed)  # frame_id, by camera
        self._is_current = is_current
        self._held: dict[int, list[tuple[int, int, int, Parcel[Any]]]] = {}  # heaps, by camera
        self._arrivals = 0

    def put(self, parcel: Parcel[Any], now_ns: int) -> None:
        self._arrivals += 1  # breaks ties: parcels have no order of their own
        entry = (parcel.ref.frame_id, self._arrivals, now_ns, parcel)
        heapq.heappush(self._held.setdefault(parcel.ref.camera, []), entry)

    def take(self, now_ns: int) -> Iterator[Parcel[Any]]:
        """Yield every frame whose turn has come, and stale and overtaken ones, which have none."""
        for heap in self._held.values():
            while heap:
                _, _, arrived_ns, parcel = heap[0]
                ref = parcel.ref
                stale = not self._is_current(ref)
                overtaken = self._is_overtaken(ref)
                overdue = not ref.lossless and now_ns - arrived_ns > _WAIT_NS
                if not (stale or overtaken or overdue or self._is_in_turn(ref)):
                    break
                heapq.heappop(heap)
                if not (stale or overtaken):
                    if overdue:  # whoever gets it next need not wait again
                        ref = msgspec.structs.replace(ref, after=self._passed[ref.camera])
                        parcel = Parcel(ref, parcel.body, parcel.failure)
                    self._passed[ref.camera] = ref.frame_id
                yield parcel

    def forget(self, camera: int) -> None:
        """The camera is gone; when it comes back, its sender begins anew, too."""
        self._held.pop(camera, None)

    def _is_in_turn(self, ref: FrameRef) -> bool:
        is_first = ref.after == NO_FRAME  # the first of a connection
        return is_first or _is_sent_again(ref) or ref.after == self._passed[ref.camera]

    def _is_overtaken(self, ref: FrameRef) -> bool:
        before = ref.frame_id < self._passed[ref.camera]
        return before and not ref.lossless and not _is_sent_again(ref)


def _is_sent_again(ref: FrameRef) -> bool:
    """Whether frames are sent again from here on: a later frame was sent before this one."""
    return ref.after >= ref.frame_id
