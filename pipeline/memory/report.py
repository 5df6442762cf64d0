"""The ledger for people: a status line while the line runs, a table at the end."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipeline.memory.ages import AgeCounts, format_age
from pipeline.memory.bottleneck import Bottleneck
from pipeline.memory.cameras import CameraState
from pipeline.memory.ledger import LedgerReader
from pipeline.memory.pulse import Flow
from pipeline.memory.roster import Roster
from pipeline.memory.status_line import CameraStatus, LineStatus, describe
from pipeline.topology import RunSpec


class _Totals(NamedTuple):
    """One camera up to a moment."""

    captured: int
    published: int
    idle: int  # of those published
    ages: AgeCounts


class _Results(NamedTuple):
    """Messages of one camera so far."""

    frames: int
    errors: int
    idle: int


class Report:
    """Reads the ledger of a run."""

    def __init__(self, roster: Roster, ledger: LedgerReader) -> None:
        self._roster = roster
        self._ledger = ledger
        self._bottleneck = Bottleneck(roster, ledger)
        self._start_s = self._last_s = time.monotonic()
        self._last = self._totals()

    def status_line(self, width: int) -> str:
        """Rates and ages since the last call, in at most `width` columns."""
        now_s, now = time.monotonic(), self._totals()
        seconds = max(now_s - self._last_s, 1e-3)
        cameras = [
            self._camera_status(camera, seconds, self._last.get(camera, now[camera]), now[camera])
            for camera in self._run.present
        ]
        self._last_s, self._last = now_s, now
        ages = np.sum([camera.ages for camera in cameras], axis=0)
        dropped = sum(sum(self._ledger.drops(camera).values()) for camera in range(len(now)))
        drops, slowest = list(self._drops()), self._bottleneck.of_drops()
        return describe(LineStatus(cameras, ages, dropped, drops, slowest), width)

    def flows(self) -> dict[str, Flow]:
        """Of each camera that the line has, what came and what had a result."""
        run = self._run
        return {run.cameras[camera]: self._flow(camera) for camera in run.present}

    def _flow(self, camera: int) -> Flow:
        came = self._captured(camera) + sum(self._ledger.drops(camera).values())
        return Flow(came, self._published(camera).frames)

    @property
    def _run(self) -> RunSpec:
        return self._roster.follow(self._ledger)

    def _totals(self) -> dict[int, _Totals]:
        return {camera: self._totals_of(camera) for camera in range(len(self._run.cameras))}

    def _totals_of(self, camera: int) -> _Totals:
        results = self._published(camera)
        return _Totals(
            self._captured(camera), results.frames, results.idle, self._ledger.ages(camera)
        )

    def _camera_status(
        self, camera: int, seconds: float, before: _Totals, now: _Totals
    ) -> CameraStatus:
        state, _, why = self._ledger.camera(camera).status
        published = now.published - before.published
        return CameraStatus(
            name=self._run.cameras[camera],
            captured_fps=(now.captured - before.captured) / seconds,
            published_fps=published / seconds,
            ages=now.ages - before.ages,
            absent="" if state is CameraState.LIVE else state.label,
            why=why,
            idle=(now.idle - before.idle) / max(published, 1),
        )

    def summary(self, restarts: int) -> str:
        """The run as a table, one row a camera and one a process."""
        return "\n".join([*self._camera_table(), "", *self._process_table(restarts)])

    def _camera_table(self) -> Iterator[str]:
        yield (
            f"{'camera':<16} {'size':>10} {'captured':>9} {'results':>8} {'errors':>7} "
            f"{'dropped':>8} {'idle':>8} {'fps':>6} {'age p50':>9} {'p99':>9}"
        )
        seconds = max(time.monotonic() - self._start_s, 1e-3)
        for camera, name in enumerate(self._run.cameras):
            width, height = self._ledger.camera(camera).size_wh
            ages = self._ledger.ages(camera)
            published, errors, idle = self._published(camera)
            size = f"{width}x{height}" if width else "-"
            yield (
                f"{name:<16} {size:>10} "
                f"{self._captured(camera):>9} {published:>8} "
                f"{errors:>7} "
                f"{sum(self._ledger.drops(camera).values()):>8} "
                f"{idle:>8} {published / seconds:>6.1f} "
                f"{format_age(ages, 50):>9} {format_age(ages, 99):>9}"
            )

    def _captured(self, camera: int) -> int:
        source = next(process.index for process in self._run.processes if process.camera == camera)
        return self._ledger.counts(camera, source).frames

    def _published(self, camera: int) -> _Results:
        """None where no stage publishes."""
        if self._run.publisher is None:
            return _Results(0, 0, 0)
        counts = self._ledger.counts(camera, self._run.publisher)
        return _Results(counts.frames, counts.errors, counts.idle)

    def _process_table(self, restarts: int) -> Iterator[str]:
        yield f"{'process':<16} {'core':>4} {'frames':>8} {'ms/frame':>9}  dropped"
        cameras = range(len(self._run.cameras))
        any_frame = False
        for process in self._run.processes:
            counts = [self._ledger.counts(camera, process.index) for camera in cameras]
            frames = sum(row.frames for row in counts)
            any_frame |= frames > 0
            busy_ns = sum(row.busy_ns for row in counts)
            busy_ms = f"{busy_ns / frames / 1e6:.2f}" if frames else "-"
            drops = ", ".join(self._process_drops(process.index)) or "-"
            yield f"{process.name:<16} {process.core:>4} {frames:>8} {busy_ms:>9}  {drops}"
        yield self._bottleneck.of_run() if any_frame else "the run ended before its first frame"
        if restarts:
            yield f"{restarts} processes died and were started again"

    def _drops(self) -> Iterator[str]:
        for process in self._run.processes:
            for text in self._process_drops(process.index):
                yield f"{process.name} {text}"

    def _process_drops(self, index: int) -> Iterator[str]:
        for reason, count in self._ledger.process_drops(index).items():
            if count:
                yield f"{count} {reason}"
