"""Frames that are under way when the cameras have ended: waited for while they move, then counted.

A camera that ends by itself waits for its frames. One whose process is lost, and a run that is
stopped, leave some behind.
"""

import time
from pathlib import Path
from typing import NamedTuple

from pipeline.logger import logger
from pipeline.memory.counters import DropReason, FrameCounters
from pipeline.memory.ledger import Ledger
from pipeline.memory.results import Results
from pipeline.memory.ring import Ring, ring_path
from pipeline.memory.roster import Roster
from pipeline.topology import RunSpec


class Leftover(NamedTuple):
    """A captured frame, and the column of each end that has not finished it."""

    camera: int
    frame_id: int
    published: bool
    ends: tuple[int, ...]


class Leftovers:
    """Reads the rings of a run; counts what is in them when nobody else will."""

    def __init__(self, roster: Roster, ledger: Ledger) -> None:
        self._roster = roster
        self._ledger = ledger
        self._left: list[Leftover] = []
        self._changed_s = time.monotonic()

    def are_moving(self) -> bool:
        """Whether frames are under way, and the last change is not longer ago than one may take."""
        left = self._find()
        if left != self._left:
            self._left, self._changed_s = left, time.monotonic()
        return bool(left) and time.monotonic() - self._changed_s < self._run.limits.frame_s

    def of_camera(self, camera: int) -> list[Leftover]:
        """Frames of one camera that are under way."""
        ring = self._find_ring(camera)
        if ring is None:
            return []
        return [self._describe(camera, ring, slot) for slot in ring.sent_slots()]

    def give_up(self, camera: int) -> None:
        """Make the frames of one camera stale, count them, and remove its ring.

        Its capture process has ended, and the line goes on: what that would write is written here.
        """
        ring = self._find_ring(camera)
        if ring is None:
            return
        source = next(p.index for p in self._run.processes if p.camera == camera)
        counters = self._ledger.counters(camera, source)
        for slot in ring.sent_slots():
            ring.take(slot)
            published = self._results.has(camera, ring, slot)
            counters.drop(DropReason.NOT_RECORDED if published else DropReason.ABANDONED)
        ring.unlink()

    def count(self) -> None:
        """Count every frame that is left as a drop. All processes have ended."""
        lost, unrecorded = dict[int, int](), dict[int, int]()
        for left in self._find():
            if left.published:
                for column in left.ends:
                    self._counters(left.camera, column).drop(DropReason.NOT_RECORDED)
                unrecorded[left.camera] = unrecorded.get(left.camera, 0) + 1
            else:
                capture = next(p.index for p in self._run.processes if p.camera == left.camera)
                self._ledger.counters(left.camera, capture).drop(DropReason.ABANDONED)
                lost[left.camera] = lost.get(left.camera, 0) + 1
        for reason, counts in ((DropReason.ABANDONED, lost), (DropReason.NOT_RECORDED, unrecorded)):
            for camera, number in counts.items():
                logger.warning("{}: {} frames were under way at the end: counted as {}",
                               self._run.cameras[camera], number, reason.label)  # fmt: skip

    def _describe(self, camera: int, ring: Ring, slot: int) -> Leftover:
        generation, released = int(ring.generation[slot]), ring.released[slot].tolist()
        waiting = [
            branch
            for branch in ring.layout.branches
            if all(released[column] != generation for column in branch)
        ]
        frame_id = int(ring.frame_ids[slot])
        ends = tuple(
            column
            for column in dict.fromkeys(branch[-1] for branch in waiting)
            # else killed before it released the frame
            if not ring.is_finished(
                slot, column, frame_id, self._counters(camera, column).last_frame_id
            )
        )
        return Leftover(camera, frame_id, self._results.is_published(camera, ring, slot), ends)

    def _counters(self, camera: int, column: int) -> FrameCounters:
        """Of a stage without replicas."""
        stage = self._run.topology.names[column]
        index = next(process.index for process in self._run.processes if process.stage == stage)
        return self._ledger.counters(camera, index)

    @property
    def _run(self) -> RunSpec:
        return self._roster.run

    @property
    def _results(self) -> Results:
        return Results(self._run, self._ledger)

    def _find(self) -> list[Leftover]:
        return [left for camera in self._run.present for left in self.of_camera(camera)]

    def _find_ring(self, camera: int) -> Ring | None:
        epoch = self._ledger.camera(camera).epoch
        try:
            return Ring.attach(ring_path(Path(self._run.run_dir), camera, epoch))
        except FileNotFoundError:  # it had no frame yet
            return None
