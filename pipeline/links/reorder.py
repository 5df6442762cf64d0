"""Puts the results of replicas back into the order of the camera."""

import heapq
from collections.abc import Callable, Iterable, Iterator

from pipeline.links.parcel import Parcel
from pipeline.memory.frame_ref import NO_FRAME, FrameRef

_WAIT_NS = 500_000_000  # for a live frame that a killed or hanging replica holds


class Reorder:
    """Holds a frame back until the one that was dispatched before it has passed.

    A live frame waits for a bounded time; its predecessor is dropped when it comes after all. A
    lossless frame waits for as long as it takes: whoever holds its predecessor either delivers or
    dies, and then both are sent again. The slots of the ring bound how many can wait.

    Args:
        passed: the last frame of each camera that a predecessor of this process has let pass.
        is_current: whether a reference is not stale; a stale one must not let others pass.
        on_late: told of frames whose successors were not kept waiting any longer.
    """

    def __init__(
        self,
        passed: Iterable[int],
        is_current: Callable[[FrameRef], bool],
        on_late: Callable[[FrameRef], None],
    ) -> None:
        self._passed = list(passed)  # frame_id, by camera
        self._is_current = is_current
        self._on_late = on_late
        self._held: dict[int, list[tuple[int, int, int, Parcel]]] = {}  # heaps, by camera
        self._arrivals = 0

    def put(self, parcel: Parcel, now_ns: int) -> None:
        self._arrivals += 1  # breaks ties: parcels themselves have no order
        entry = (parcel.ref.frame_id, self._arrivals, now_ns, parcel)
        heapq.heappush(self._held.setdefault(parcel.ref.camera, []), entry)

    def take(self, now_ns: int) -> Iterator[Parcel]:
        """Yield every frame whose turn has come, and the stale ones for the books."""
        for heap in self._held.values():
            while heap:
                _, _, arrived_ns, parcel = heap[0]
                ref = parcel.ref
                stale = not self._is_current(ref)
                late = self._is_late(ref)
                overdue = not ref.lossless and now_ns - arrived_ns > _WAIT_NS
                if not (stale or late or overdue or self._is_in_turn(ref)):
                    break
                heapq.heappop(heap)
                if late and not stale:
                    self._on_late(ref)
                    continue
                if not stale:
                    self._passed[ref.camera] = ref.frame_id
                yield parcel

    def _is_in_turn(self, ref: FrameRef) -> bool:
        is_first = ref.after == NO_FRAME  # that its dispatcher has sent
        return is_first or _is_sent_again(ref) or ref.after == self._passed[ref.camera]

    def _is_late(self, ref: FrameRef) -> bool:
        overtaken = ref.frame_id < self._passed[ref.camera]
        return overtaken and not ref.lossless and not _is_sent_again(ref)


def _is_sent_again(ref: FrameRef) -> bool:
    """Whether a replay begins here: a later frame was dispatched before this one."""
    return ref.after >= ref.frame_id
