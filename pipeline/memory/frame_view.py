"""What a service may see of the frames: copies, taken without being in any frame's way."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.memory.ledger import LedgerReader
from pipeline.memory.ring import Area, Ring, ring_path
from pipeline.memory.roster import Roster
from pipeline.topology import RunSpec


class FrameCopy(NamedTuple):
    """Parts of one frame's slot, whole and of the same frame."""

    epoch: int
    frame_id: int
    areas: Mapping[str, Area]


class FrameView:
    """Copies frames out of the rings of a run; the mapping refuses every write.

    Nothing is reserved: capture may write a slot anew while it is read. Its generation tells, and
    such a copy is thrown away. A ring is mapped for as long as the copy takes, so none is kept in
    memory when its camera has begun another.
    """

    def __init__(self, run: RunSpec) -> None:
        self._run_dir = Path(run.run_dir)
        self._roster = Roster(run)
        self._ledger = LedgerReader.attach(self._run_dir)

    def copy_frame(self, camera: str, frame_id: int, areas: Sequence[str]) -> FrameCopy | None:
        """A frame of a camera, or None if it is in no slot any more, or not yet."""
        return next(self._copies(camera, areas, frame_id), None)

    def copy_newest(self, camera: str, areas: Sequence[str]) -> FrameCopy | None:
        """The newest frame that a camera has sent into the line, whether it has a result or not."""
        return next(self._copies(camera, areas, None), None)

    def _copies(
        self, camera: str, areas: Sequence[str], frame_id: int | None
    ) -> Iterator[FrameCopy]:
        """Whole copies, the newest frame first."""
        number = self._roster.follow(self._ledger).cameras.index(camera)
        epoch = self._ledger.camera(number).epoch
        try:
            ring = Ring.attach(ring_path(self._run_dir, number, epoch), read_only=True)
        except FileNotFoundError:  # it has never been connected, or this epoch ends just now
            return
        ids = ring.frame_ids.tolist()
        for slot in sorted(range(len(ids)), key=ids.__getitem__, reverse=True):
            if frame_id in (None, ids[slot]):
                copied = _copy_slot(ring, slot, areas)
                if copied is not None and copied[0] == ids[slot]:
                    yield FrameCopy(epoch, *copied)


def _copy_slot(
    ring: Ring, slot: int, areas: Sequence[str]
) -> tuple[int, Mapping[str, Area]] | None:
    """The number and areas of a slot's frame; None if it is not whole, or is being replaced.

    Capture, which owns the first column, releases a generation when the frame is complete.
    """
    generation = int(ring.generation[slot])
    if generation == 0 or int(ring.released[slot, 0]) != generation:
        return None
    frame_id = int(ring.frame_ids[slot])
    copies = {name: ring.slots[slot][name].copy() for name in areas}
    return (frame_id, copies) if int(ring.generation[slot]) == generation else None
