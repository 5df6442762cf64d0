"""What a service may read of the ledger: plain values, of memory that is mapped read-only."""

from pathlib import Path
from typing import NamedTuple

from pipeline.memory.ages import AgeCounts
from pipeline.memory.cameras import StateName
from pipeline.memory.ledger import LedgerReader
from pipeline.memory.roster import Roster
from pipeline.memory.times import TimeCounts
from pipeline.topology import RunSpec


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
    drops: dict[str, int]  # by reason
    drops_by_process: dict[str, dict[str, int]]  # by name and reason, without zeros
    ages: AgeCounts  # of its results so far
    age_sum_us: int
    result_mono_ns: int  # CLOCK_MONOTONIC of the last one, 0 before the first


class ProcessReading(NamedTuple):
    """One process now."""

    name: str
    stage: str  # or service
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
        return [self._read_camera(run, camera) for camera in run.present]

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
                    core=process.core,
                    pid=entry.pid,
                    starts=entry.starts,
                    frames=frames,
                    busy_ns=busy_ns,
                    times=self._ledger.times(process.index),
                )
            )
        return readings

    def _read_camera(self, run: RunSpec, camera: int) -> CameraReading:
        entry = self._ledger.camera(camera)
        state, since_unix_ns, why = entry.status
        width, height = entry.size_wh
        publisher = run.publisher
        source = next(process.index for process in run.processes if process.camera == camera)
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
            drops=self._ledger.drops(camera),
            drops_by_process={
                run.processes[process].name: drops
                for process, drops in self._ledger.drops_by_process(camera).items()
            },
            ages=self._ledger.ages(camera),
            age_sum_us=self._ledger.age_sum_us(camera),
            result_mono_ns=0 if results is None else results.progress_ns,
        )
