"""A frame in a real slot, for tests of single stages."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pipeline.links.parcel import Parcel
from pipeline.loops.frame_handler import FrameHandler
from pipeline.memory.frame_ref import Mark
from pipeline.memory.ledger import Ledger
from pipeline.memory.ring import Ring, ring_path
from pipeline.memory.ring_layout import RingLayout
from pipeline.source import PtsOrigin
from pipeline.stage import Context, Frame, Stage
from pipeline.topology import ProcessSpec, RunSpec
from stages.config import LineConfig, SourceConfig
from stages.events.record_config import RecordConfig
from stages.graph import make_topology
from stages.kernels.picture import bgr_format
from stages.slot import Slot, SlotShape
from tests.pipeline.frames import make_ref

NETWORK = (64, 64)
LABELS = ("person", "bicycle", "car")
RECORD = RecordConfig(jsonl="out.jsonl", video="out.mp4")
TOPOLOGY = make_topology(LineConfig(sources=(SourceConfig(uri="0"),), record=RECORD))


class StageBench:
    """A ring as the line makes it, the ledger, and frames of its cameras, for one stage."""

    def __init__(
        self,
        run_dir: Path,
        stage: str,
        size: tuple[int, int] = (128, 96),
        cameras: tuple[str, ...] = ("yard",),
    ) -> None:
        self.width, self.height = size
        processes = tuple(
            ProcessSpec(name, name, i, 0 if i == 0 else None, 0, {})
            for i, name in enumerate(TOPOLOGY.names)
        )
        run = RunSpec(str(run_dir), 1, TOPOLOGY, cameras, processes)
        self.ledger = Ledger.create(run_dir, len(cameras), len(processes))
        self.context = Context(run, processes[TOPOLOGY.names.index(stage)], self.ledger)
        self.ring = self.make_ring(run_dir)

    def make_ring(self, folder: Path) -> Ring:
        self.form = bgr_format(self.width, self.height)
        areas = SlotShape(NETWORK, max_rois=8, classes=3, canvas=True, tracked=8).areas(self.form)
        layout = RingLayout(4, areas, TOPOLOGY.names, TOPOLOGY.branches)
        return Ring.create(ring_path(folder, 0, 1), layout)

    def start(self, stage: Stage[Any, Any]) -> None:
        """Start a process with this stage, the first or a successor of one that was killed."""
        name = self.context.process.stage
        column = TOPOLOGY.names.index(name)
        self._handler = FrameHandler(name, column, stage, self.context.counters)

    def make_frame(
        self,
        frame_id: int = 0,
        body: Any = None,
        *,
        grey: int = 200,
        failure: str = "",
        camera: int = 0,
    ) -> Frame[Any]:
        slot = frame_id % 4
        ref = make_ref(frame_id, camera=camera, slot=slot, generation=self.ring.take(slot))
        ref = msgspec.structs.replace(ref, mark=Mark.FAILED if failure else Mark.NONE)
        frame = Frame(ref, self.ring, body, self.context.run.cameras[camera], failure)
        Slot(frame).write_format(self.form, PtsOrigin.STREAM)
        frame["frame"][:] = np.uint8(grey)
        return frame

    def handle(self, frame: Frame[Any]) -> Parcel[Any]:
        """Give the frame to the stage and count it, as the loop does."""
        result = self._handler.handle(frame)
        counters = self.context.counters[frame.ref.camera]
        if frame.ref.frame_id > counters.last_frame_id:
            counters.finish(frame.ref.frame_id, failed=result.ref.failed)
        return result
