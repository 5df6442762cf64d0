"""What the overlay takes of its core for a frame: the copy, boxes, trails, zones and lines."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.memory.ring import Ring, ring_path
from pipeline.memory.ring_layout import RingLayout
from pipeline.stage import Frame
from stages.events.watch import Tallies, ZoneTally, encode_tallies
from stages.kernels.detections import Detections, encode_detections
from stages.kernels.drawing.regions import CountingLine, Regions, Zone
from stages.kernels.picture import Layout, PictureFormat
from stages.overlay import Overlay, OverlayOptions
from stages.slot import DetectionBody, SlotShape
from tests.benchmarks.report import Row, report
from tests.benchmarks.street_frame import draw_frame
from tests.benchmarks.timing import pinned
from tests.stages.stage_bench import LABELS, NETWORK, TOPOLOGY, StageBench

pytestmark = pytest.mark.bench

TRACKS = 20
FRAME_NS = 40_000_000
WARM_UP = 60  # frames, until trails have their full length
ROUNDS = 100
REGIONS = Regions(
    zones=(
        Zone("yard", ((0.05, 0.55), (0.4, 0.5), (0.45, 0.95), (0.02, 0.98))),
        Zone("gate", ((0.6, 0.3), (0.95, 0.32), (0.93, 0.6), (0.62, 0.55))),
        Zone("door", ((0.45, 0.1), (0.55, 0.1), (0.55, 0.3), (0.45, 0.3))),
    ),
    lines=(
        CountingLine("drive", (0.5, 0.5), (0.52, 0.97), "in", "out"),
        CountingLine("walk", (0.1, 0.45), (0.35, 0.35), "north", "south"),
    ),
)
TALLIES = encode_tallies(
    Tallies(
        {zone.name: ZoneTally({"person": 2}, {"person": 9}) for zone in REGIONS.zones},
        {line.name: {line.a_to_b: {"car": 7}, line.b_to_a: {}} for line in REGIONS.lines},
    )
)


@pytest.fixture
def shm_dir() -> Iterator[Path]:
    """Where rings are: pages of a file system on a disk are written back now and then."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as path:
        yield Path(path)


class PlanesBench(StageBench):
    """Frames as cameras send them: planes of luma and chroma."""

    def make_ring(self, folder: Path) -> Ring:
        self.form = PictureFormat(Layout.I420, self.width, self.height)
        areas = SlotShape(NETWORK, max_rois=8, classes=3, canvas=True).areas(self.form)
        layout = RingLayout(4, areas, TOPOLOGY.names, TOPOLOGY.branches)
        return Ring.create(ring_path(folder, 0, 1), layout)


def walk(width: int, height: int, *, tracked: bool) -> Iterator[Detections]:
    """Detections of objects that swing around their places, frame by frame."""
    rng = np.random.default_rng(4)
    centres = rng.uniform(0.1, 0.9, (TRACKS, 2))
    sides, speeds = rng.uniform(0.04, 0.16, (2, TRACKS, 2))
    scale = np.array([width, height] * 2)
    scores = np.linspace(0.99, 0.4, TRACKS, dtype=np.float32)
    class_ids = np.arange(TRACKS, dtype=np.int32) % len(LABELS)
    number = 0
    while True:
        moved = centres + 0.1 * np.sin(speeds * number / 5)
        boxes = np.hstack([moved - sides / 2, moved + sides / 2]) * scale
        ids = np.arange(TRACKS, dtype=np.int64) + 100 if tracked else None
        yield Detections(boxes.astype(np.float32), scores, class_ids, ids)
        number += 1


def make_call(
    folder: Path, size: tuple[int, int], options: OverlayOptions, *, tracked: bool
) -> Callable[[], None]:
    """A stage that has drawn for a while, and draws one more frame with each call."""
    folder.mkdir()
    bench = PlanesBench(folder, "overlay", size)
    stage = Overlay(options, bench.context)
    tallies = TALLIES if options.regions else b""
    planes = cv2.cvtColor(draw_frame(*size), cv2.COLOR_BGR2YUV_I420).reshape(-1)
    times = bench.ring.times
    for number, found in zip(range(WARM_UP), walk(*size, tracked=tracked), strict=False):
        frame: Frame[Any] = bench.make_frame(
            number, DetectionBody(encode_detections(found), tallies=tallies)
        )
        frame["frame"][:] = planes
        times[frame.ref.slot, 0] = number * FRAME_NS
        stage.process(frame)

    def call() -> None:
        times[frame.ref.slot, 0] += FRAME_NS
        stage.process(frame)

    return call


def cpu_ms(calls: dict[str, Callable[[], None]]) -> dict[str, list[float]]:
    """Processor time of each call, taken in turns. A frame of 4K takes longer than a time slice, so
    a clock on the wall would measure the other programs on the core."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start_ns = time.thread_time_ns()
            call()
            taken[name].append((time.thread_time_ns() - start_ns) / 1e6)
    return taken


@pytest.mark.parametrize("size", [(320, 240), (1280, 720), (3840, 2160)])
def test_overlay_table(shm_dir: Path, size: tuple[int, int]) -> None:
    plain, regions = OverlayOptions(LABELS), OverlayOptions(LABELS, {"yard": REGIONS})
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    with pinned():
        taken = cpu_ms(
            {
                "boxes": make_call(shm_dir / "a", size, plain, tracked=False),
                "tracks with trails": make_call(shm_dir / "b", size, plain, tracked=True),
                "and 3 zones, 2 lines": make_call(shm_dir / "c", size, regions, tracked=True),
            }
        )
    cv2.setNumThreads(threads)
    rows: list[Row] = [
        {"20 objects": name, "CPU ms": float(np.median(ms)), "best": min(ms)}
        for name, ms in taken.items()
    ]
    report(f"overlay_{size[1]}", f"overlay, {size[0]}x{size[1]}, one core", rows)
