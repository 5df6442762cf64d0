"""A frame in a real slot, for tests of single stages."""

from pathlib import Path

import numpy as np

from pipeline.memory.ledger import Ledger
from pipeline.memory.ring import Ring, RingLayout, ring_path
from pipeline.stage import Context, Frame
from pipeline.topology import ProcessSpec, RunSpec
from stages.config import LineConfig, RecordConfig, SourceConfig
from stages.graph import make_topology
from stages.slot import SlotShape
from tests.pipeline.frames import make_ref

NETWORK = (64, 64)
LABELS = ("person", "bicycle", "car")
RECORD = RecordConfig(jsonl="out.jsonl", video="out.mp4")
TOPOLOGY = make_topology(LineConfig(sources=(SourceConfig(uri="0"),), record=RECORD))


class StageBench:
    """A ring as the line makes it, the books, and frames of one camera."""

    def __init__(self, run_dir: Path, size: tuple[int, int] = (128, 96)) -> None:
        self.width, self.height = size
        processes = tuple(
            ProcessSpec(name, name, i, 0 if i == 0 else None, 0, {})
            for i, name in enumerate(TOPOLOGY.names)
        )
        run = RunSpec(str(run_dir), 1, TOPOLOGY, ("yard",), processes)
        self.books = Ledger.create(run_dir, 1, len(processes))
        self.context = Context(run, self.books)
        areas = SlotShape(NETWORK, max_rois=8, classes=3, canvas=True).areas(*size)
        layout = RingLayout(4, areas, TOPOLOGY.names, TOPOLOGY.branches)
        self.ring = Ring.create(ring_path(run_dir, 0, 1), layout)

    def make_frame(
        self, frame_id: int = 0, body: bytes = b"", *, grey: int = 200, repeated: bool = False
    ) -> Frame:
        slot = frame_id % 4
        ref = make_ref(frame_id, slot=slot, generation=self.ring.take(slot))
        frame = Frame(ref, self.ring, body, "yard", repeated)
        frame["frame"][:] = np.uint8(grey)
        return frame

    def count(self, stage: str, frame_id: int) -> None:
        """As the runner does when the stage is done with a frame."""
        row = self.books.rows[0, TOPOLOGY.names.index(stage)]
        row["frames"] += 1
        row["last_frame_id"] = frame_id
