"""Puts the results of replicas back into the order of the camera."""

import heapq
from collections.abc import Iterator

from pipeline.messages import NO_FRAME
from pipeline.sockets import Parcel

_WAIT_NS = 500_000_000  # for a frame that a killed replica held: longer than any inference


class Reorder:
    """Holds a frame back until the one before it has passed, for a bounded time."""

    def __init__(self) -> None:
        self._held: dict[int, list[tuple[int, int, int, Parcel]]] = {}  # heaps, by camera
        self._passed: dict[int, int] = {}  # frame_id, by camera
        self._arrivals = 0

    def put(self, parcel: Parcel, now_ns: int) -> None:
        self._arrivals += 1  # breaks ties: parcels themselves have no order
        entry = (parcel.ref.frame_id, self._arrivals, now_ns, parcel)
        heapq.heappush(self._held.setdefault(parcel.ref.camera, []), entry)

    def take(self, now_ns: int) -> Iterator[Parcel]:
        """Yield every frame whose turn has come or whose predecessor is overdue."""
        for camera, heap in self._held.items():
            while heap and self._may_pass(camera, heap[0], now_ns):
                frame_id, _, _, parcel = heapq.heappop(heap)
                self._passed[camera] = frame_id
                yield parcel

    def _may_pass(self, camera: int, entry: tuple[int, int, int, Parcel], now_ns: int) -> bool:
        frame_id, _, arrived_ns, parcel = entry
        after = parcel.ref.after
        sent_again = after >= frame_id
        in_turn = after <= self._passed.get(camera, NO_FRAME)
        return in_turn or sent_again or now_ns - arrived_ns > _WAIT_NS
