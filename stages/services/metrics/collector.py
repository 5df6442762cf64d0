"""All metrics of a line, from the ledger, the kernel and the counted events."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from pipeline.service import (
    AGE_FLOOR_LOG2_S,
    AGE_SCHEMA,
    CAMERA_STATES,
    TIME_FLOOR_LOG2_S,
    TIME_SCHEMA,
    CameraReading,
    ProcessReading,
    TimeCounts,
)
from stages.services.machine import ProcessUse, Temperature
from stages.services.metrics import families
from stages.services.metrics.families import Family
from stages.services.metrics.histogram import Scale
from stages.services.metrics.metric import Histograms, Labels, Metric

# Eight native buckets for each doubling, as Prometheus recommends; the ledger has 32.
_AGES = Scale(AGE_SCHEMA, 3, AGE_FLOOR_LOG2_S, halves_log2=(-8, 0), last_log2=4)
_TIMES = Scale(TIME_SCHEMA, TIME_SCHEMA, TIME_FLOOR_LOG2_S, halves_log2=(-13, -4), last_log2=1)
_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_US_PER_S = 1_000_000
_MIB = 1 << 20
Place = tuple[str, str]  # a stage, and a reason
_STATUSES = ("ok", "idle", "failed")
# Shown before they have happened, so that the first of them is seen as an increase.
_USUAL_DROPS = (
    *(("capture", reason) for reason in (
        "ring_full", "abandoned", "undecodable", "damaged", "behind")),
    ("preprocess", "newest_wins"),
)  # fmt: skip


class OkResults:
    """Counts results that are neither idle nor failed, which the ledger does not.

    A frame is counted as published a moment before it is counted as idle, and what is read in
    between is one too many. The next reading is not less: to Prometheus a counter that falls has
    begun anew, and all of it would count as an increase.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}  # by camera

    def count(self, cameras: Sequence[CameraReading]) -> list[int]:
        """Of each of these cameras; others are forgotten."""
        self._counts = {
            camera.name: max(
                camera.published - camera.idle - camera.errors, self._counts.get(camera.name, 0)
            )
            for camera in cameras
        }
        return list(self._counts.values())


def collect_cameras(
    cameras: Sequence[CameraReading], processes: Sequence[ProcessReading], ok: OkResults
) -> Iterator[Metric | Histograms]:
    """What the ledger knows of each camera."""
    of_cameras = tuple(camera.name for camera in cameras)
    names = _singles(of_cameras)
    yield Metric(families.CAPTURED, names, [c.captured for c in cameras])
    yield _results(cameras, ok.count(cameras))
    yield _drops(cameras, processes)
    is_in = [int(c.state == state) for c in cameras for state in CAMERA_STATES]
    yield Metric(families.STATE, _pairs(of_cameras, CAMERA_STATES), is_in)
    yield Metric(families.STATE_SINCE, names, [c.since_unix_ns / _NS_PER_S for c in cameras])
    yield Metric(families.EPOCHS, names, [c.epoch for c in cameras])
    yield _each(families.WIDTH, ((c.name, c.width) for c in cameras if c.width))
    yield _each(families.HEIGHT, ((c.name, c.height) for c in cameras if c.height))
    began_ns = time.time_ns() - time.monotonic_ns()
    last = (
        (c.name, round((began_ns + c.result_mono_ns) / _NS_PER_MS) / 1000)
        for c in cameras if c.result_mono_ns
    )  # fmt: skip
    yield _each(families.LAST_RESULT, last)
    if cameras:
        ages = np.stack([camera.ages for camera in cameras])
        sums = [camera.age_sum_us / _US_PER_S for camera in cameras]
        yield Histograms(families.AGE, names, ages, sums, _AGES)


def collect_processes(
    processes: Sequence[ProcessReading], uses: Mapping[str, ProcessUse | None]
) -> Iterator[Metric | Histograms]:
    """What each process does, and takes of the machine."""
    yield from _stage_times(processes)
    names = _singles(tuple(process.name for process in processes))
    yield Metric(families.PROCESS_FRAMES, names, [p.frames for p in processes])
    yield Metric(families.RESTARTS, names, [max(p.starts - 1, 0) for p in processes])
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
        rows.append((name, sensor.celsius))
    yield _each(families.TEMPERATURE, rows)
    if throttled is not None:
        yield Metric(families.THROTTLED, ((),), [int(throttled)])


def collect_build(version: str, model: str, sha256: str) -> Iterator[Metric]:
    yield Metric(families.BUILD, ((version, model, sha256),), [1])


def _each(family: Family, values: Iterable[tuple[str, float]]) -> Metric:
    """Of a family with one label."""
    rows = list(values)
    return Metric(family, _singles(tuple(name for name, _ in rows)), [value for _, value in rows])


@lru_cache(maxsize=16)
def _singles(names: tuple[str, ...]) -> tuple[Labels, ...]:
    """Each by itself. These are the same from one scrape to the next."""
    return tuple((name,) for name in names)


@lru_cache(maxsize=4)
def _pairs(names: tuple[str, ...], others: tuple[str, ...]) -> tuple[Labels, ...]:
    """Each with each."""
    return tuple((name, other) for name in names for other in others)


@lru_cache(maxsize=4)
def _places(names: tuple[str, ...], places: tuple[Place, ...]) -> tuple[Labels, ...]:
    """The same with two labels for each place."""
    return tuple((name, *place) for name in names for place in places)


def _results(cameras: Sequence[CameraReading], ok: Sequence[int]) -> Metric:
    values: list[float] = []
    for camera, looked_at in zip(cameras, ok, strict=True):
        values += (looked_at, camera.idle, camera.errors)
    names = tuple(camera.name for camera in cameras)
    return Metric(families.RESULTS, _pairs(names, _STATUSES), values)


def _drops(cameras: Sequence[CameraReading], processes: Sequence[ProcessReading]) -> Metric:
    """By stage. What has happened to one camera is shown for all."""
    stages = {process.name: process.stage for process in processes}
    found: list[dict[Place, int]] = []
    for camera in cameras:
        counts: dict[Place, int] = {}
        for process, reasons in camera.drops_by_process.items():
            for reason, frames in reasons.items():
                place = stages[process], reason
                counts[place] = counts.get(place, 0) + frames
        found.append(counts)
    shown = tuple(sorted({*_USUAL_DROPS, *(place for counts in found for place in counts)}))
    names = tuple(camera.name for camera in cameras)
    values = [counts.get(place, 0) for counts in found for place in shown]
    return Metric(families.DROPS, _places(names, shown), values)


def _stage_times(processes: Sequence[ProcessReading]) -> Iterator[Histograms]:
    """Of the stages that frames are given to, by all replicas together."""
    rows: dict[str, int] = {}  # by stage
    places, times, sums = list[int](), list[TimeCounts](), list[float]()
    for process in processes:
        if process.busy_ns and not process.is_source:
            row = rows.setdefault(process.stage, len(rows))
            if row == len(sums):
                sums.append(0.0)
            sums[row] += process.busy_ns / _NS_PER_S
            places.append(row)
            times.append(process.times)
    if rows:
        counts = np.zeros((len(rows), len(times[0])), np.int64)
        np.add.at(counts, places, times)
        yield Histograms(families.STAGE_TIME, _singles(tuple(rows)), counts, sums, _TIMES)
