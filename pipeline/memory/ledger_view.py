"""What a service may read of the ledger: plain values, of memory that is mapped read-only."""

from pathlib import Path
from typing import NamedTuple

from pipeline.memory.ages import AgeCounts
from pipeline.memory.cameras import StateName
from pipeline.memory.counters import LOSSES, ROW_WORDS, FrameCounts
from pipeline.memory.ledger import LedgerReader
from pipeline.memory.roster import Roster
from pipeline.memory.times import TimeCounts
from pipeline.topology import ProcessSpec, RunSpec

_LOSSES = tuple(reason.label for reason in LOSSES)
_NO_RESULTS = FrameCounts([0] * ROW_WORDS)  # of a line without a publisher


class CameraReading(NamedTuple):
    """One camera now."""

    name: str
    state: StateName
    since_unix_ns: int  # of the state
    why: str
    epoch: int
    width: int
    height: int
    captured: int  # frames so far, as are the next four
    published: int
    errors: int  # published as failed
    idle: int  # published as idle
    drops_by_process: dict[str, dict[str, int]]  # by name and reason, without zeros
    ages: AgeCounts  # of its results so far
    age_sum_us: int
    result_mono_ns: int  # CLOCK_MONOTONIC of the last one, 0 before the first

    @property
    def drops(self) -> dict[str, int]:
        """Frames without a result, by reason."""
        processes = self.drops_by_process.values()
        return {reason: sum(found.get(reason, 0) for found in processes) for reason in _LOSSES}


class ProcessReading(NamedTuple):
    """One process now."""

    name: str
    stage: str  # or service
    is_source: bool
    core: int
    pid: int  # 0 before its first start
    starts: int  # so far; above 1 it was started again
    frames: int  # finished so far, by it and its predecessors
    busy_ns: int  # spent on them
    times: TimeCounts  # on each of them


class _Present(NamedTuple):
    """Whom a run has now, and where in the ledger it is."""

    run: RunSpec
    cameras: tuple[int, ...]
    names: tuple[str, ...]  # of these
    sources: tuple[int, ...]  # of each, its capture process
    processes: tuple[ProcessSpec, ...]
    publisher: int | None

    @classmethod
    def of(cls, run: RunSpec) -> "_Present":
        cameras = run.present
        sources = {p.camera: p.index for p in run.processes if p.camera is not None}
        return cls(
            run, cameras, tuple(run.cameras[camera] for camera in cameras),
            tuple(sources[camera] for camera in cameras), run.present_processes, run.publisher,
        )  # fmt: skip


class LedgerView:
    """Reads the ledger of a run; the mapping refuses every write.

    Each table is copied in one step: row by row, 16 cameras would take three times as long.
    """

    def __init__(self, run: RunSpec) -> None:
        self._roster = Roster(run)
        self._ledger = LedgerReader.attach(Path(run.run_dir))
        self._last = _Present.of(run)

    @property
    def camera_names(self) -> tuple[str, ...]:
        """Of the cameras that the line has now, in the order in which they came."""
        return self._follow().names

    def cameras(self) -> list[CameraReading]:
        """Those that the line has now."""
        present, ledger = self._follow(), self._ledger
        cameras = present.cameras
        results = [_NO_RESULTS] * len(cameras)
        if present.publisher is not None:
            results = ledger.all_counts(cameras, [present.publisher] * len(cameras))
        drops = ledger.drops_by_process()
        readings = zip(
            cameras, present.names, ledger.all_cameras(cameras),
            ledger.all_counts(cameras, present.sources), results,
            ledger.all_ages(cameras), ledger.all_age_sums_us(cameras), strict=True,
        )  # fmt: skip
        return [
            CameraReading(
                name=name,
                state=entry.state_name,
                since_unix_ns=entry.since_unix_ns,
                why=entry.why,
                epoch=entry.epoch,
                width=entry.size_wh[0],
                height=entry.size_wh[1],
                captured=captured.frames,
                published=result.frames,
                errors=result.errors,
                idle=result.idle,
                drops_by_process={
                    present.run.processes[process].name: found
                    for process, found in drops.get(camera, {}).items()
                },
                ages=ages,
                age_sum_us=age_sum_us,
                result_mono_ns=result.progress_ns,
            )
            for camera, name, entry, captured, result, ages, age_sum_us in readings
        ]

    def processes(self) -> list[ProcessReading]:
        """Of all stages and services, and of the cameras that the line has now."""
        specs, ledger = self._follow().processes, self._ledger
        indices = [process.index for process in specs]
        work = ledger.work()
        readings = zip(specs, ledger.all_processes(indices), ledger.all_times(indices), strict=True)
        return [
            ProcessReading(
                name=process.name,
                stage=process.stage,
                is_source=process.is_source,
                core=process.core,
                pid=entry.pid,
                starts=entry.starts,
                frames=work[process.index][0],
                busy_ns=work[process.index][1],
                times=times,
            )
            for process, entry, times in readings
        ]

    def _follow(self) -> _Present:
        run = self._roster.follow(self._ledger)
        if run is not self._last.run:
            self._last = _Present.of(run)
        return self._last
