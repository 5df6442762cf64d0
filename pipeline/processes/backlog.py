"""The stage that the oldest frame of each camera waits for, read from the rings."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.memory.cameras import CameraState
from pipeline.memory.ledger import LedgerReader
from pipeline.memory.ring import Ring, ring_path
from pipeline.memory.roster import Roster


class Wait(NamedTuple):
    """A frame that one stage has finished and the next has not."""

    stage: str
    camera: int
    frame_id: int
    since_ns: int  # CLOCK_MONOTONIC


class Backlog:
    """Reads the control tables of all rings; writes nothing.

    Only the oldest frame counts: the frames behind it may wait for it, and not for their stage.
    """

    def __init__(self, roster: Roster, ledger: LedgerReader) -> None:
        self._run_dir = Path(roster.run.run_dir)
        self._topology = roster.run.topology
        self._roster = roster
        self._ledger = ledger
        self._rings: dict[int, tuple[int, Ring]] = {}  # by camera: epoch, ring

    def waits(self) -> Iterator[Wait]:
        for camera in set(self._rings).difference(self._roster.run.present):
            del self._rings[camera]
        for camera in self._roster.run.present:
            ring = self._find_ring(camera)
            if ring is not None:
                yield from self._oldest(camera, ring)

    def _oldest(self, camera: int, ring: Ring) -> Iterator[Wait]:
        slots = ring.sent_slots()
        if not slots:
            return
        slot = min(slots, key=lambda s: int(ring.frame_ids[s]))
        stamps, over = ring.stamps[slot], ring.released[slot] == ring.generation[slot]
        over[0] = False  # capture releases a frame by sending it
        done = stamps >= stamps[0]  # older stamps are of an earlier sending, or of another frame
        for column, stage in enumerate(self._topology.stages):
            if stage.reads is None:
                continue
            before = self._topology.names.index(stage.reads)
            if done[before] and not over[before] and not done[column] and not over[column]:
                yield Wait(stage.name, camera, int(ring.frame_ids[slot]), int(stamps[before]))

    def _find_ring(self, camera: int) -> Ring | None:
        """The ring in use; None of a camera that is lost or has ended: its frames do not count."""
        epoch = self._ledger.camera(camera).epoch
        known, ring = self._rings.get(camera, (-1, None))
        if self._ledger.camera(camera).state in (CameraState.LOST, CameraState.ENDED):
            return None
        if ring is None or known != epoch:
            try:
                ring = Ring.attach(ring_path(self._run_dir, camera, epoch))
            except FileNotFoundError:  # there is none yet, or the next one is being made
                return None
            self._rings[camera] = epoch, ring
        return ring
