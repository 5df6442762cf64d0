"""Readings of a line that was never there, and its metrics."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.memory.ages import AGE_BUCKETS, age_bucket
from pipeline.memory.times import TIME_BUCKETS, time_bucket
from pipeline.service import CameraReading, ProcessReading
from stages.services.machine import ProcessUse, Temperature
from stages.services.metrics.collector import (
    OkResults,
    collect_build,
    collect_cameras,
    collect_machine,
    collect_processes,
)
from stages.services.metrics.metric import Histograms, Metric

STAGES = ("preprocess", "detect", "postprocess", "track", "publish", "record_jsonl")
AGES_MS = (4.0, 9.0, 15.0, 40.0, 3000.0)
TIMES_NS = (300_000, 2_000_000, 7_900_000)


def make_camera(name: str, **fields: Any) -> CameraReading:
    """One that is live, after a hundred frames."""
    usual: dict[str, Any] = {
        "name": name,
        "state": "live",
        "since_unix_ns": 1_767_225_600_500_000_000,
        "why": "",
        "epoch": 2,
        "width": 1280,
        "height": 720,
        "captured": 100,
        "published": 90,
        "errors": 3,
        "idle": 20,
        "drops_by_process": {"preprocess": {"newest_wins": 7}, f"capture.{name}": {"behind": 2}},
        "ages": np.bincount([age_bucket(age) for age in AGES_MS], minlength=AGE_BUCKETS),
        "age_sum_us": round(sum(AGES_MS) * 1000),
        "result_mono_ns": 1,
    }
    return CameraReading(**usual | fields)


def make_process(name: str, stage: str, **fields: Any) -> ProcessReading:
    times = np.bincount([time_bucket(time) for time in TIMES_NS], minlength=TIME_BUCKETS)
    usual: dict[str, Any] = {
        "name": name,
        "stage": stage,
        "is_source": stage == "capture",
        "core": 0,
        "pid": 4711,
        "starts": 1,
        "frames": len(TIMES_NS),
        "busy_ns": sum(TIMES_NS),
        "times": times,
    }
    return ProcessReading(**usual | fields)


def make_processes(cameras: Sequence[CameraReading]) -> list[ProcessReading]:
    captures = [
        make_process(f"capture.{camera.name}", "capture", times=np.zeros(TIME_BUCKETS, np.int64))
        for camera in cameras
    ]
    return captures + [make_process(stage, stage) for stage in STAGES]


def collect(
    cameras: Sequence[CameraReading],
    temperatures: Sequence[Temperature] = (Temperature("cpu-thermal", 51.5),),
    *,
    throttled: bool | None = False,
) -> list[Metric | Histograms]:
    """What the endpoint shows of such a line, but events."""
    processes = make_processes(cameras)
    uses: dict[str, ProcessUse | None] = {p.name: ProcessUse(1, 12.5, 48.0) for p in processes}
    return [
        *collect_build("0.1.0", "tiny", "9b1d"),
        *collect_cameras(cameras, processes, OkResults()),
        *collect_processes(processes, uses),
        *collect_machine(temperatures, throttled),
    ]
