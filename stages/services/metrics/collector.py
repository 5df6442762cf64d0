"""All metrics of a line, from the ledger, the kernel and the counted events."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipeline.service import (
    AGE_FLOOR_LOG2_S,
    AGE_SCHEMA,
    CAMERA_STATES,
    TIME_FLOOR_LOG2_S,
    TIME_SCHEMA,
    CameraReading,
    ProcessReading,
)
from stages.services.machine import ProcessUse, Temperature
from stages.services.metrics import families
from stages.services.metrics.families import Family
from stages.services.metrics.histogram import Histogram, Scale
from stages.services.metrics.text import Labels, Metric

_AGES = Scale(AGE_SCHEMA, AGE_FLOOR_LOG2_S, halves_log2=(-8, 0), last_log2=4)
_TIMES = Scale(TIME_SCHEMA, TIME_FLOOR_LOG2_S, halves_log2=(-13, -4), last_log2=1)
_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_US_PER_S = 1_000_000
_MIB = 1 << 20
# Shown before they have happened, so that the first of them is seen as an increase.
_USUAL_DROPS = (
    *(("capture", reason) for reason in (
        "ring_full", "abandoned", "undecodable", "damaged", "behind")),
    ("preprocess", "newest_wins"),
)  # fmt: skip


def collect_cameras(
    cameras: Sequence[CameraReading], processes: Sequence[ProcessReading]
) -> Iterator[Metric]:
    """What the ledger knows of each camera."""
    yield _each(families.CAPTURED, ((c.name, c.captured) for c in cameras))
    yield Metric(families.RESULTS, [row for camera in cameras for row in _results(camera)])
    yield Metric(families.DROPS, list(_drops(cameras, processes)))
    yield Metric(families.STATE, [
        ((camera.name, state), int(camera.state == state))
        for camera in cameras for state in CAMERA_STATES
    ])  # fmt: skip
    since = ((c.name, c.since_unix_ns / _NS_PER_S) for c in cameras)
    yield _each(families.STATE_SINCE, since)
    yield _each(families.EPOCHS, ((c.name, c.epoch) for c in cameras))
    yield _each(families.WIDTH, ((c.name, c.width) for c in cameras if c.width))
    yield _each(families.HEIGHT, ((c.name, c.height) for c in cameras if c.height))
    began_ns = time.time_ns() - time.monotonic_ns()
    last = (
        (c.name, round((began_ns + c.result_mono_ns) / _NS_PER_MS) / 1000)
        for c in cameras if c.result_mono_ns
    )  # fmt: skip
    yield _each(families.LAST_RESULT, last)
    ages = [((c.name,), Histogram(c.ages, c.age_sum_us / _US_PER_S)) for c in cameras]
    yield Metric(families.AGE, histograms=ages, scale=_AGES)


def collect_processes(
    processes: Sequence[ProcessReading], uses: Mapping[str, ProcessUse | None]
) -> Iterator[Metric]:
    """What each process does, and takes of the machine."""
    yield Metric(families.STAGE_TIME, histograms=list(_stage_times(processes)), scale=_TIMES)
    yield _each(families.PROCESS_FRAMES, ((p.name, p.frames) for p in processes))
    yield _each(families.RESTARTS, ((p.name, max(p.starts - 1, 0)) for p in processes))
    found = [(name, use) for name, use in uses.items() if use is not None]
    yield _each(families.CPU, ((name, use.cpu_s) for name, use in found))
    memory = ((name, round(use.memory_mib * _MIB)) for name, use in found)
    yield _each(families.MEMORY, memory)


def collect_machine(
    temperatures: Sequence[Temperature], throttled: bool | None
) -> Iterator[Metric]:
    """What the board tells; sensors of one name are numbered."""
    seen: dict[str, int] = {}
    rows = []
    for sensor in temperatures:
        seen[sensor.name] = count = seen.get(sensor.name, 0) + 1
        name = sensor.name if count == 1 else f"{sensor.name}.{count}"
        rows.append(((name,), sensor.celsius))
    yield Metric(families.TEMPERATURE, rows)
    yield Metric(families.THROTTLED, [] if throttled is None else [((), int(throttled))])


def collect_build(version: str, model: str, sha256: str) -> Iterator[Metric]:
    yield Metric(families.BUILD, [((version, model, sha256), 1)])


def _each(family: Family, values: Iterable[tuple[str, float]]) -> Metric:
    """Of a family with one label."""
    return Metric(family, [((name,), value) for name, value in values])


def _results(camera: CameraReading) -> Iterator[tuple[Labels, float]]:
    """`errors` and `idle` are read after `published`, so they may be ahead of it."""
    looked_at = max(camera.published - camera.idle - camera.errors, 0)
    counts = {"ok": looked_at, "idle": camera.idle, "failed": camera.errors}
    yield from (((camera.name, status), count) for status, count in counts.items())


def _drops(
    cameras: Sequence[CameraReading], processes: Sequence[ProcessReading]
) -> Iterator[tuple[Labels, float]]:
    """By stage. What has happened to one camera is shown for all."""
    stages = {process.name: process.stage for process in processes}
    found: dict[str, dict[tuple[str, str], int]] = {camera.name: {} for camera in cameras}
    for camera in cameras:
        counts = found[camera.name]
        for process, reasons in camera.drops_by_process.items():
            for reason, frames in reasons.items():
                place = stages[process], reason
                counts[place] = counts.get(place, 0) + frames
    places = {place for counts in found.values() for place in counts}
    shown = sorted({*places, *_USUAL_DROPS})
    for name, counts in found.items():
        yield from (((name, *place), counts.get(place, 0)) for place in shown)


def _stage_times(processes: Sequence[ProcessReading]) -> Iterator[tuple[Labels, Histogram]]:
    """Of the stages that frames are given to, by all replicas together."""
    by_stage: dict[str, Histogram] = {}
    for process in processes:
        if process.times.any():
            new = Histogram(process.times, process.busy_ns / _NS_PER_S)
            old = by_stage.get(process.stage)
            if old is not None:
                new = Histogram(old.counts + new.counts, old.sum_s + new.sum_s)
            by_stage[process.stage] = new
    yield from (((stage,), times) for stage, times in by_stage.items())
