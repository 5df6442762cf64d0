"""The line against the bare detector: frames per second, cost per process, added latency."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.kernels.resize import warp_into
from stages.model.detector import Detector
from stages.model.frame_detector import FrameDetector, make_soft_nms
from tests.benchmarks.conftest import CLIP_FRAMES, FPS
from tests.benchmarks.measured_line import MeasuredLine, cpu_ns
from tests.benchmarks.report import Row, bench_model, describe_model, percentiles, report
from tests.benchmarks.timing import pinned

pytestmark = pytest.mark.bench

SETTLED = 25  # frames left out at the start of a run
ROUNDS = 3  # of the line and the bare detector, in turns


@pytest.fixture(scope="module")
def bare() -> FrameDetector:
    """Frame to detections in this process, on one core, as the line's detector has it."""
    cv2.setNumThreads(1)
    with pinned():
        detector = Detector(bench_model(), threads=1)
    return FrameDetector(detector, make_soft_nms(detector.metadata))


def take_times(
    call: Callable[[np.ndarray], object],
    frames: list[np.ndarray],
    *,
    fps: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Milliseconds per frame, one frame after the other or at a camera's pace."""
    taken = []
    with pinned():
        start = time.perf_counter()
        for i, frame in enumerate(frames):
            if fps is not None:
                time.sleep(max(start + i / fps - time.perf_counter(), 0))
            before = clock()
            call(frame)
            taken.append(1000 * (clock() - before))
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


def test_line_rate_table(
    bare: FrameDetector, frames: list[np.ndarray], clip: Path, tmp_path: Path
) -> None:
    tensors = [bare.detector.make_tensor() for _ in frames]
    for frame, tensor in zip(frames, tensors, strict=True):
        warp_into(frame, tensor)
    taken: dict[str, list[float]] = {"whole": [], "infer": [], "whole cpu": [], "infer cpu": []}
    rates, spent = [], []
    for i in range(ROUNDS):
        taken["whole"] += take_times(bare.detect, frames)
        taken["infer"] += take_times(bare.detector.infer, tensors)
        taken["whole cpu"] += take_times(bare.detect, frames, clock=time.process_time)
        taken["infer cpu"] += take_times(bare.detector.infer, tensors, clock=time.process_time)
        rate, costs = line_rate(tmp_path / str(i), clip, 3 * CLIP_FRAMES)
        rates.append(rate)
        spent.append(costs)
    ms = {name: float(np.median(values)) for name, values in taken.items()}
    costs = {name: float(np.median([round_[name] for round_ in spent])) for name in spent[0]}
    fps = float(np.median(rates))
    rows: list[Row] = [
        {"": "bare: frame to detections", "fps": 1000 / ms["whole"], "CPU ms": ms["whole cpu"]},
        {"": "bare: inference alone", "fps": 1000 / ms["infer"], "CPU ms": ms["infer cpu"]},
        {"": "line: file to messages", "fps": fps, "CPU ms": sum(costs.values())},
    ]
    rows += [{"": f"      {name}", "fps": "-", "CPU ms": cost} for name, cost in costs.items()]
    notes = [
        f"the line's rate over the bare detector's: {fps * ms['whole'] / 10:.0f} %",
        "one core each for the bare detector and for detect; the other processes have "
        f"{len(os.sched_getaffinity(0)) - 1} to share; CPU ms is per frame, threads included",
    ]
    name = describe_model(bench_model())
    report("line_rate", f"Lossless 720p file, {name}, medians of {ROUNDS} rounds", rows, notes)


def line_ages(folder: Path, clip: Path, count: int) -> tuple[list[dict[str, float]], list[float]]:
    """Milliseconds of each step of each frame of a live camera, and each stage's mean work."""
    source = {"uri": str(clip), "loop": True, "live": True, "realtime": True}
    line = MeasuredLine(folder, bench_model(), source)
    try:
        line.receive(SETTLED)
        counts = [line.ledger().counts(name) for name in line.process.processes]
        before = [(row.frames, row.busy_ns) for row in counts]
        messages = line.receive(count)
        after = [(row.frames, row.busy_ns) for row in counts]
    finally:
        line.end()
    work = [
        (busy_ns - busy_before) / max(frames - frames_before, 1) / 1e6
        for (frames_before, busy_before), (frames, busy_ns) in zip(before, after, strict=True)
    ]
    stages = [name.partition(".")[0] for name in line.process.processes]
    done_ms = [[m.stage_ns[stage] / 1e6 for stage in stages] for m in messages]
    steps = [dict(zip(stages, np.diff(done, prepend=0.0), strict=True)) for done in done_ms]
    return [step | {"age": m.age_ms} for step, m in zip(steps, messages, strict=True)], work


def test_line_latency_table(
    bare: FrameDetector, frames: list[np.ndarray], clip: Path, tmp_path: Path
) -> None:
    steps: list[dict[str, float]] = []
    work: list[list[float]] = []
    bare_ms: list[float] = []
    for i in range(ROUNDS):
        bare_ms += take_times(bare.detect, frames, fps=FPS)
        ages, busy = line_ages(tmp_path / str(i), clip, CLIP_FRAMES)
        steps += ages
        work.append(busy)
    rows: list[Row] = []
    for stage, busy in zip((*steps[0],), (*np.median(work, axis=0), None), strict=True):
        p50, p99 = percentiles([step[stage] for step in steps])
        rows.append({"ms": stage, "p50": p50, "p99": p99, "of it work": busy or "-"})
    bare_p50, bare_p99 = percentiles(bare_ms)
    rows.append({"ms": "bare detector", "p50": bare_p50, "p99": bare_p99, "of it work": "-"})
    age_p50, age_p99 = percentiles([step["age"] for step in steps])
    added = {"p50": age_p50 - bare_p50, "p99": age_p99 - bare_p99}
    rows.append({"ms": "added by the line", **added, "of it work": "-"})
    title = f"Latency of a live 720p camera at {FPS} fps, {describe_model(bench_model())}"
    notes = [f"{len(steps)} frames in {ROUNDS} rounds, in turns with the bare detector at the same "
             "pace; a step is from the end of the one before; work is the mean"]  # fmt: skip
    report("line_latency", title, rows, notes)
