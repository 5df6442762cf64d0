"""Rings, references and runs of a small graph for tests of the machine room."""

from pathlib import Path

import msgspec

from pipeline.memory.frame_ref import FrameRef
from pipeline.memory.ring import Ring, ring_path
from pipeline.memory.ring_layout import AreaSpec, RingLayout
from pipeline.topology import ProcessSpec, RunSpec, StageSpec, Topology

# camera -> left -> right
#              \-> side
GRAPH = Topology((
    StageSpec("camera", "none:None"),
    StageSpec("left", "none:None", reads="camera"),
    StageSpec("right", "none:None", reads="left"),
    StageSpec("side", "none:None", reads="left"),
))  # fmt: skip
LEFT, RIGHT, SIDE = 1, 2, 3  # columns


def make_layout(slots: int = 4) -> RingLayout:
    areas = {"frame": AreaSpec((3, 5, 3), "u1"), "scores": AreaSpec((7,), "f4")}
    return RingLayout(slots, areas, GRAPH.names, GRAPH.branches)


def make_ring(run_dir: Path, slots: int = 4, camera: int = 0, epoch: int = 1) -> Ring:
    return Ring.create(ring_path(run_dir, camera, epoch), make_layout(slots))


def make_live_ring(run_dir: Path, slots: int = 4) -> Ring:
    layout = make_layout(slots)._replace(lossless=False)
    return Ring.create(ring_path(run_dir, 0, 1), layout)


def make_ref(
    frame_id: int,
    *,
    camera: int = 0,
    epoch: int = 1,
    slot: int = 0,
    generation: int = 1,
    lossless: bool = True,
    after: int | None = None,
) -> FrameRef:
    """`after` is the frame before when left out."""
    previous = frame_id - 1 if after is None else after
    return FrameRef(camera, epoch, slot, generation, frame_id, 1000, lossless, after=previous)


def make_run(run_dir: Path, cameras: tuple[str, ...] = ("yard",)) -> RunSpec:
    captures = [ProcessSpec(f"camera.{c}", "camera", i, i, 0, {}) for i, c in enumerate(cameras)]
    others = [
        ProcessSpec(name, name, len(cameras) + i, None, 0, {})
        for i, name in enumerate(GRAPH.names[1:])
    ]
    return RunSpec(str(run_dir), 1, GRAPH, cameras, (*captures, *others))


def publish_by(stage: str, run: RunSpec) -> RunSpec:
    """The run with the messages of `stage` as its results."""
    rows = (msgspec.structs.replace(row, results=row.name == stage) for row in GRAPH.stages)
    return msgspec.structs.replace(run, topology=Topology(tuple(rows)))
