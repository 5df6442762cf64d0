"""The ledger of a line that has run for long, without the line: what reading it costs."""

import os
from pathlib import Path

import numpy as np

from pipeline.memory.cameras import CameraState
from pipeline.memory.counters import DropReason
from pipeline.memory.ledger import Ledger
from pipeline.topology import ProcessSpec, RunSpec
from stages.config import LineConfig, SourceConfig, WebConfig
from stages.graph import make_topology

FRAMES = 10_000  # of each camera


def fill_ledger(run_dir: Path, cameras: int) -> RunSpec:
    """A line of so many cameras with the page, each of which has given many results."""
    topology = make_topology(LineConfig(sources=(SourceConfig(uri="0"),), web=WebConfig()))
    names = tuple(f"cam{number}" for number in range(cameras))
    rows: list[tuple[str, str, int | None, bool]] = [
        (f"capture.{name}", "capture", number, False) for number, name in enumerate(names)
    ]
    rows += [(stage, stage, None, False) for stage in topology.names[1:]]
    rows += [(service.name, service.name, None, True) for service in topology.services]
    processes = tuple(
        ProcessSpec(name, stage, index, camera, 0, {}, is_service)
        for index, (name, stage, camera, is_service) in enumerate(rows)
    )
    run = RunSpec(str(run_dir), os.getpid(), topology, names, processes)
    ledger = Ledger.create(run_dir, cameras, len(processes))
    for number in range(cameras):
        _fill_camera(ledger, run, number)
    for process in processes:
        ledger.heartbeat(process.index, 10.0).start(os.getpid())
    return run


def _fill_camera(ledger: Ledger, run: RunSpec, camera: int) -> None:
    random = np.random.default_rng(camera)
    ages = ledger.publish_writer()
    for age_ms in random.lognormal(3.0, 0.6, FRAMES // 10).tolist():
        ages.count_age(camera, age_ms)
    writer = ledger.camera_writer(camera)
    writer.set_state(CameraState.LIVE)
    for process in run.processes:
        if process.is_service or process.camera not in (None, camera):
            continue
        counters = ledger.counters(camera, process.index)
        counters.capture(FRAMES, 1)
        for busy_ns in random.lognormal(14.0, 0.8, 20).tolist():
            counters.work(round(busy_ns), 1)
    ledger.counters(camera, camera).drop(DropReason.RING_FULL)
