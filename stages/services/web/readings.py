"""The ledger over time: rates and ages of the last seconds."""

import time
from collections import deque
from typing import NamedTuple

import msgspec

from pipeline.service import CameraReading, LedgerView, ProcessReading, age_percentile_ms
from stages.services.machine import (
    ProcessUse,
    Temperature,
    read_temperatures,
    read_throttled,
    read_use,
)

EVERY_S = 2.0
_KEPT = 6  # readings: rates are those of ten seconds
_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_READY_S = 10.0  # a live camera without a result for longer is not ready


class Drops(msgspec.Struct, frozen=True):
    """Frames without a result, since the start: where and why they were given up."""

    process: str
    reason: str
    frames: int


class Camera(msgspec.Struct, frozen=True):
    """One camera now; rates and ages are of the last seconds, counts since the start."""

    name: str
    state: str
    since_unix_ns: int
    why: str
    epoch: int
    width: int
    height: int
    captured: int
    published: int
    errors: int
    idle: int  # of the published: nothing moved, so nobody looked
    captured_fps: float | None
    published_fps: float | None
    age_p50_ms: float | None
    age_p99_ms: float | None
    result_age_ms: float | None  # since the last result was published
    drops: tuple[Drops, ...]


class Process(msgspec.Struct, frozen=True):
    """One process now; `cpu_percent` of one core, in the last seconds."""

    name: str
    core: int
    pid: int
    frames: int
    busy_ms_per_frame: float | None
    cpu_percent: float | None
    memory_mib: float | None  # resident, without rings and libraries
    restarts: int


class Readiness(msgspec.Struct, frozen=True):
    """Whether a camera gives results; one that has ended regularly is excused."""

    name: str
    ready: bool
    why: str


class _Sample(NamedTuple):
    """Everything at one moment."""

    mono_ns: int
    cameras: list[CameraReading]
    processes: list[ProcessReading]
    uses: list[ProcessUse | None]
    temperatures: tuple[Temperature, ...]
    throttled: bool | None


class Readings:
    """The last samples of the ledger; `take` is called every `EVERY_S`."""

    def __init__(self, ledger: LedgerView) -> None:
        self._ledger = ledger
        self._samples: deque[_Sample] = deque(maxlen=_KEPT)
        self.take()

    def take(self) -> None:
        processes = self._ledger.processes()
        uses = [read_use(process.pid) for process in processes]
        self._samples.append(
            _Sample(
                time.monotonic_ns(), self._ledger.cameras(), processes, uses,
                read_temperatures(), read_throttled(),
            )
        )  # fmt: skip

    @property
    def temperatures(self) -> tuple[Temperature, ...]:
        """Of the board, at the last sample."""
        return self._samples[-1].temperatures

    @property
    def throttled(self) -> bool | None:
        """Whether the board was slowed down at the last sample, where that can be known."""
        return self._samples[-1].throttled

    def uses(self) -> dict[str, ProcessUse | None]:
        """What each process has taken, by its name, at the last sample."""
        last = self._samples[-1]
        return {p.name: use for p, use in zip(last.processes, last.uses, strict=True)}

    @property
    def window_s(self) -> float:
        """How long ago the oldest sample was taken."""
        return (time.monotonic_ns() - self._samples[0].mono_ns) / _NS_PER_S

    def cameras(self) -> tuple[Camera, ...]:
        """As they are now, compared with the oldest sample."""
        now_ns = time.monotonic_ns()
        return tuple(self._compare(camera, now_ns) for camera in self._ledger.cameras())

    def processes(self) -> tuple[Process, ...]:
        """As they were at the last sample."""
        old, new = self._samples[0], self._samples[-1]
        seconds = (new.mono_ns - old.mono_ns) / _NS_PER_S
        names = [process.name for process in old.processes]
        uses = dict(zip(names, old.uses, strict=True))
        return tuple(
            _describe_process(now, uses.get(now.name), use, seconds)
            for now, use in zip(new.processes, new.uses, strict=True)
        )

    def _compare(self, now: CameraReading, now_ns: int) -> Camera:
        """With the oldest sample that has the camera, which may have come since."""
        for sample in self._samples:
            for before in sample.cameras:
                if before.name == now.name:
                    seconds = (now_ns - sample.mono_ns) / _NS_PER_S
                    return _describe_camera(before, now, now_ns, seconds)
        return _describe_camera(now, now, now_ns, 0.0)

    def readiness(self) -> tuple[Readiness, ...]:
        now_ns = time.monotonic_ns()
        return tuple(_judge(camera, now_ns) for camera in self._ledger.cameras())


def _describe_camera(
    before: CameraReading, now: CameraReading, now_ns: int, seconds: float
) -> Camera:
    ages = now.ages - before.ages
    some = bool(ages.any())
    drops = (
        Drops(process, reason, frames)
        for process, reasons in now.drops_by_process.items()
        for reason, frames in reasons.items()
    )
    return Camera(
        name=now.name,
        state=now.state,
        since_unix_ns=now.since_unix_ns,
        why=now.why,
        epoch=now.epoch,
        width=now.width,
        height=now.height,
        captured=now.captured,
        published=now.published,
        errors=now.errors,
        idle=now.idle,
        captured_fps=_rate(now.captured - before.captured, seconds),
        published_fps=_rate(now.published - before.published, seconds),
        age_p50_ms=round(age_percentile_ms(ages, 50), 2) if some else None,
        age_p99_ms=round(age_percentile_ms(ages, 99), 2) if some else None,
        result_age_ms=_since(now.result_mono_ns, now_ns),
        drops=tuple(drops),
    )


def _describe_process(
    now: ProcessReading, before: ProcessUse | None, use: ProcessUse | None, seconds: float
) -> Process:
    cpu_percent = None
    if before is not None and use is not None and before.began == use.began and seconds > 0:
        cpu_percent = round(100 * (use.cpu_s - before.cpu_s) / seconds, 1)
    return Process(
        name=now.name,
        core=now.core,
        pid=now.pid,
        frames=now.frames,
        busy_ms_per_frame=round(now.busy_ns / _NS_PER_MS / now.frames, 2) if now.frames else None,
        cpu_percent=cpu_percent,
        memory_mib=None if use is None else round(use.memory_mib, 1),
        restarts=max(now.starts - 1, 0),
    )


def _rate(count: int, seconds: float) -> float | None:
    return round(count / seconds, 1) if seconds >= 1 else None


def _since(mono_ns: int, now_ns: int) -> float | None:
    return round((now_ns - mono_ns) / _NS_PER_MS, 1) if mono_ns else None


def _judge(camera: CameraReading, now_ns: int) -> Readiness:
    if camera.state == "ended":
        return Readiness(camera.name, True, "ended")
    if camera.state != "live":
        return Readiness(camera.name, False, f"{camera.state} {camera.why}".rstrip())
    if now_ns - camera.result_mono_ns > _READY_S * _NS_PER_S:
        return Readiness(camera.name, False, f"no result for {_READY_S:.0f} s")
    return Readiness(camera.name, True, "live")
