"""What a service may read of the ledger: plain values, of memory that is mapped read-only."""

from pathlib import Path
from typing import NamedTuple

from pipeline.memory.ages import AgeCounts
from pipeline.memory.cameras import StateName
from pipeline.memory.counters import LOSSES
from pipeline.memory.ledger import LedgerReader
from pipeline.memory.roster import Roster
from pipeline.memory.times import TimeCounts
from pipeline.topology import RunSpec

_LOSSES = tuple(reason.label for reason in LOSSES)


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


class LedgerView:
    """Reads the ledger of a run; the mapping refuses every write."""

    def __init__(self, run: RunSpec) -> None:
        self._roster = Roster(run)
        self._ledger = LedgerReader.attach(Path(run.run_dir))

    @property
    def camera_names(self) -> tuple[str, ...]:
        """Of the cameras that the line has now, in the order in which they came."""
        run = self._roster.follow(self._ledger)
        return tuple(run.cameras[camera] for camera in run.present)

    def cameras(self) -> list[CameraReading]:
        """Those that the line has now."""
        run = self._roster.follow(self._ledger)
        sources = {p.camera: p.index for p in run.processes if p.camera is not None}
        names = {process.index: process.name for process in run.processes}
        publisher = run.publisher
        drops, ages = self._ledger.drops_by_process(), self._ledger.all_ages(run.present)
        return [
            self._read_camera(
                run, camera, sources[camera], publisher,
                {names[process]: found for process, found in drops.get(camera, {}).items()},
                ages[row],
            )
            for row, camera in enumerate(run.present)
        ]  # fmt: skip

    def processes(self) -> list[ProcessReading]:
        """Of all stages and services, and of the cameras that the line has now."""
        run = self._roster.follow(self._ledger)
        work = self._ledger.work()
        readings = []
        for process in run.present_processes:
            entry = self._ledger.process(process.index)
            frames, busy_ns = work[process.index]
            readings.append(
                ProcessReading(
                    name=process.name,
                    stage=process.stage,
                    is_source=process.is_source,
                    core=process.core,
                    pid=entry.pid,
                    starts=entry.starts,
                    frames=frames,
                    busy_ns=busy_ns,
                    times=self._ledger.times(process.index),
                )
            )
        return readings

    def _read_camera(
        self,
        run: RunSpec,
        camera: int,
        source: int,
        publisher: int | None,
        drops: dict[str, dict[str, int]],
        ages: AgeCounts,
    ) -> CameraReading:
        entry = self._ledger.camera(camera)
        state, since_unix_ns, why = entry.status
        width, height = entry.size_wh
        results = None if publisher is None else self._ledger.counts(camera, publisher)
        return CameraReading(
            name=run.cameras[camera],
            state=state.label,
            since_unix_ns=since_unix_ns,
            why=why,
            epoch=entry.epoch,
            width=width,
            height=height,
            captured=self._ledger.counts(camera, source).frames,
            published=0 if results is None else results.frames,
            errors=0 if results is None else results.errors,
            idle=0 if results is None else results.idle,
            drops_by_process=drops,
            ages=ages,
            age_sum_us=self._ledger.age_sum_us(camera),
            result_mono_ns=0 if results is None else results.progress_ns,
        )
