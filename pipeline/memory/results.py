"""Which frames have a result: those that are published."""

from pipeline.memory.ledger import LedgerReader
from pipeline.memory.ring import Ring
from pipeline.topology import RunSpec


class Results:
    """Says of a frame in a ring whether it has a result. No frame has one if no stage publishes."""

    def __init__(self, run: RunSpec, ledger: LedgerReader) -> None:
        self._publisher, self._ledger = run.publisher, ledger
        topology = run.topology
        self._column = topology.names.index(topology.publisher) if topology.publisher else 0

    def is_published(self, camera: int, ring: Ring, slot: int) -> bool:
        """Whether the frame in this slot, or an older copy of it, is published."""
        if self._publisher is None:
            return False
        last_frame_id = self._ledger.counts(camera, self._publisher).last_frame_id
        return ring.is_finished(slot, self._column, int(ring.frame_ids[slot]), last_frame_id)

    def has(self, camera: int, ring: Ring, slot: int) -> bool:
        """Whether it is published, or an older copy of it is being published just now."""
        if self._publisher is None:
            return False
        # The publisher lets go of a frame last: looked for in this order, it is found.
        held = self._ledger.process(self._publisher).held_frame
        return held == (camera, int(ring.frame_ids[slot])) or self.is_published(camera, ring, slot)
