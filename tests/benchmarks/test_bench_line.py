"""The line against the bare detector: frames per second, cost per process, added latency."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.detector import Detector
from stages.frame_detector import FrameDetector, make_soft_nms
from stages.scene.street import Street, parse_scene_uri
from tests.benchmarks.measured_line import PROCESSES, MeasuredLine, cpu_ns
from tests.benchmarks.report import bench_model, describe_model, percentiles, report
from tests.benchmarks.timing import pinned

pytestmark = pytest.mark.bench

FPS = 25
CLIP_FRAMES = 100
SETTLED = 25  # frames left out at the start of a run
ROUNDS = 3  # of the line and the bare detector, in turns


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    street = Street(parse_scene_uri(f"scene://street?seed=7&width=1280&height=720&fps={FPS}"))
    drawn = [np.empty((720, 1280, 3), np.uint8) for _ in range(CLIP_FRAMES)]
    for i, frame in enumerate(drawn):
        street.draw(i, frame)
    return drawn


@pytest.fixture(scope="module")
def clip(frames, tmp_path_factory) -> Path:
    """A 720p file of the drawn street, which takes as long to decode as a camera's stream."""
    path = tmp_path_factory.mktemp("clip") / "street.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (1280, 720))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


@pytest.fixture(scope="module")
def bare() -> FrameDetector:
    """Frame to detections in this process, on one core, as the line's detector has it."""
    cv2.setNumThreads(1)
    with pinned():
        detector = Detector(bench_model(), threads=1)
    return FrameDetector(detector, make_soft_nms(detector.metadata))


def take_times(bare: FrameDetector, frames: list[np.ndarray], fps: float | None) -> list[float]:
    """Milliseconds per frame, one frame after the other or at a camera's pace."""
    taken = []
    with pinned():
        start = time.perf_counter()
        for i, frame in enumerate(frames):
            if fps is not None:
                time.sleep(max(start + i / fps - time.perf_counter(), 0))
            before = time.perf_counter()
            bare.detect(frame)
            taken.append(1000 * (time.perf_counter() - before))
    return taken


def line_rate(folder: Path, clip: Path, count: int) -> tuple[float, dict[str, float]]:
    """Frames per second of a lossless file, and each process' CPU time in ms per frame."""
    line = MeasuredLine(folder, bench_model(), {"uri": str(clip), "loop": True})
    try:
        line.receive(SETTLED)
        pids = line.pids()
        before = {name: cpu_ns(pid) for name, pid in pids.items()}
        messages = line.receive(count)
        spent = {name: (cpu_ns(pid) - before[name]) / 1e6 / count for name, pid in pids.items()}
    finally:
        line.end()
    first, last = (m.captured_mono_ns + m.stage_ns["publish"] for m in (messages[0], messages[-1]))
    return (count - 1) / (last - first) * 1e9, spent


def test_line_rate_table(bare, frames, clip, tmp_path):
    bare_ms, infer_ms, rates, spent = [], [], [], []
    tensor = bare.detector.make_tensor()
    for i in range(ROUNDS):
        bare_ms += take_times(bare, frames, None)
        with pinned():
            for _ in frames:
                before = time.perf_counter()
                bare.detector.infer(tensor)
                infer_ms.append(1000 * (time.perf_counter() - before))
        rate, costs = line_rate(tmp_path / str(i), clip, 3 * CLIP_FRAMES)
        rates.append(rate)
        spent.append(costs)
    line_fps, bare_fps = float(np.median(rates)), 1000 / float(np.median(bare_ms))
    rows = [
        {"": "bare: frame to detections, one core", "fps": bare_fps},
        {"": "bare: inference alone", "fps": 1000 / float(np.median(infer_ms))},
        {"": "line: file to messages, lossless", "fps": line_fps},
    ]
    name = describe_model(bench_model())
    notes = [f"the line over the bare detector: {100 * line_fps / bare_fps:.0f} %"]
    report("line_rate", f"Throughput at 720p, {name}, medians of {ROUNDS} rounds", rows, notes)
    costs = {name: float(np.median([s[name] for s in spent])) for name in spent[0]}
    rows = [{"process": name, "CPU ms/frame": cost} for name, cost in costs.items()]
    rows.append({"process": "sum", "CPU ms/frame": sum(costs.values())})
    report("line_cost", f"CPU time per 720p frame, {name}", rows)


def line_ages(folder: Path, clip: Path, count: int) -> tuple[list[dict[str, float]], list[float]]:
    """Milliseconds of each step of each frame of a live camera, and each stage's mean work."""
    source = {"uri": str(clip), "loop": True, "live": True, "realtime": True}
    line = MeasuredLine(folder, bench_model(), source)
    try:
        line.receive(SETTLED)
        rows = line.ledger().rows[0]
        before = rows.copy()
        messages = line.receive(count)
        frames = rows["frames"] - before["frames"]
        work = (rows["busy_ns"] - before["busy_ns"]) / np.maximum(frames, 1) / 1e6
    finally:
        line.end()
    stages = [name.partition(".")[0] for name in PROCESSES]
    done_ms = [[m.stage_ns[stage] / 1e6 for stage in stages] for m in messages]
    steps = [dict(zip(stages, np.diff(done, prepend=0.0), strict=True)) for done in done_ms]
    return [
        step | {"age": m.age_ms} for step, m in zip(steps, messages, strict=True)
    ], work.tolist()


def test_line_latency_table(bare, frames, clip, tmp_path):
    steps: list[dict[str, float]] = []
    work: list[list[float]] = []
    bare_ms: list[float] = []
    for i in range(ROUNDS):
        bare_ms += take_times(bare, frames, FPS)
        ages, busy = line_ages(tmp_path / str(i), clip, CLIP_FRAMES)
        steps += ages
        work.append(busy)
    rows = []
    for stage, busy in zip((*steps[0],), (*np.median(work, axis=0), None), strict=True):
        p50, p99 = percentiles([step[stage] for step in steps])
        rows.append({"ms": stage, "p50": p50, "p99": p99, "of it work": busy or "-"})
    bare_p50, bare_p99 = percentiles(bare_ms)
    rows.append({"ms": "bare detector", "p50": bare_p50, "p99": bare_p99, "of it work": "-"})
    age = rows[-2]
    added = {"p50": age["p50"] - bare_p50, "p99": age["p99"] - bare_p99}
    rows.append({"ms": "added by the line", **added, "of it work": "-"})
    title = f"Latency of a live 720p camera at {FPS} fps, {describe_model(bench_model())}"
    notes = [f"{len(steps)} frames in {ROUNDS} rounds, in turns with the bare detector at the same "
             "pace; a step is from the end of the one before; work is the mean"]  # fmt: skip
    report("line_latency", title, rows, notes)
