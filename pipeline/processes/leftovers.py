"""Frames that are under way when the cameras have ended: waited for while they move, then counted.

A camera that ends by itself waits for its frames. One whose process is lost, and a run that is
stopped, leave some behind.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from loguru import logger

from pipeline.memory.counters import DropReason
from pipeline.memory.ledger import Ledger
from pipeline.memory.ring import Ring, ring_path
from pipeline.topology import RunSpec


class Leftover(NamedTuple):
    """A captured frame, and the column of each end that has not finished it."""

    camera: int
    frame_id: int
    ends: tuple[int, ...]


class Leftovers:
    """Reads the rings of a run; counts what is in them once no other process writes the ledger."""

    def __init__(self, run: RunSpec, ledger: Ledger) -> None:
        self._run = run
        self._ledger = ledger
        self._left: list[Leftover] = []
        self._changed_s = time.monotonic()

    def are_moving(self) -> bool:
        """Whether frames are under way, and the last change is not longer ago than one may take."""
        left = list(self._find())
        if left != self._left:
            self._left, self._changed_s = left, time.monotonic()
        return bool(left) and time.monotonic() - self._changed_s < self._run.limits.frame_s

    def count(self) -> None:
        """Count every frame that is left as a drop. All processes have ended."""
        lost, unrecorded = dict[int, int](), dict[int, int]()
        for left in self._find():
            if self._has_result(left):
                for column in left.ends:
                    self._count_unrecorded(left, column)
                unrecorded[left.camera] = unrecorded.get(left.camera, 0) + 1
            else:
                capture = next(p.index for p in self._run.processes if p.camera == left.camera)
                self._ledger.counters(left.camera, capture).drop(DropReason.ABANDONED)
                lost[left.camera] = lost.get(left.camera, 0) + 1
        for reason, counts in ((DropReason.ABANDONED, lost), (DropReason.NOT_RECORDED, unrecorded)):
            for camera, number in counts.items():
                logger.warning("{}: {} frames were under way at the end: counted as {}",
                               self._run.cameras[camera], number, reason.label)  # fmt: skip

    def _has_result(self, left: Leftover) -> bool:
        """Nobody works on a frame any more, so the last one that was finished tells."""
        publisher = self._run.publisher
        if publisher is None:
            return False
        return left.frame_id <= self._ledger.counts(left.camera, publisher).last_frame_id

    def _count_unrecorded(self, left: Leftover, column: int) -> None:
        stage = self._run.topology.stages[column]
        process = next(p for p in self._run.processes if p.stage == stage.name)
        counters = self._ledger.counters(left.camera, process.index)
        if left.frame_id > counters.last_frame_id:  # else killed before it released the frame
            counters.drop(DropReason.NOT_RECORDED)

    def _find(self) -> Iterator[Leftover]:
        for camera in range(len(self._run.cameras)):
            epoch = self._ledger.camera(camera).epoch
            try:
                ring = Ring.attach(ring_path(Path(self._run.run_dir), camera, epoch))
            except FileNotFoundError:  # it had no frame yet
                continue
            for slot in ring.sent_slots():
                generation, released = int(ring.generation[slot]), ring.released[slot].tolist()
                waiting = [b for b in ring.layout.branches
                           if all(released[column] != generation for column in b)]  # fmt: skip
                ends = tuple(dict.fromkeys(branch[-1] for branch in waiting))
                yield Leftover(camera, int(ring.frame_ids[slot]), ends)
