"""The ledger for people: a status line while the line runs, a table at the end."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipeline.memory.ages import AGE_BUCKETS, AgeCounts, age_percentile_ms
from pipeline.memory.bottleneck import Bottleneck
from pipeline.memory.cameras import CameraState
from pipeline.memory.ledger import LedgerReader
from pipeline.topology import RunSpec

_NS_PER_S = 1_000_000_000


class Totals(NamedTuple):
    """Sums over all cameras at one moment."""

    at_s: float
    captured: int
    published: int
    ages: AgeCounts


class Report:
    """Reads the ledger of a run."""

    def __init__(self, run: RunSpec, ledger: LedgerReader) -> None:
        self._run = run
        self._ledger = ledger
        self._captures = {p.camera: p.index for p in run.processes if p.camera is not None}
        self._bottleneck = Bottleneck(run, ledger)
        self._start = self._last = self.totals()

    def totals(self) -> Totals:
        cameras = range(len(self._run.cameras))
        ages = np.zeros(AGE_BUCKETS, np.int64)
        for camera in cameras:
            ages += self._ledger.ages(camera)
        return Totals(
            at_s=time.monotonic(),
            captured=sum(self._captured(camera) for camera in cameras),
            published=sum(self._published(camera)[0] for camera in cameras),
            ages=ages,
        )

    def status_line(self) -> str:
        """Rates and ages since the last call."""
        before, self._last = self._last, self.totals()
        now = self._last
        seconds = max(now.at_s - before.at_s, 1e-3)
        ages = now.ages - before.ages
        fps_in = (now.captured - before.captured) / seconds
        fps_out = (now.published - before.published) / seconds
        states = ", ".join(self._absent()) or "all live"
        drops = ", ".join(self._drops()) or "none"
        if bottleneck := self._bottleneck.of_drops():
            drops += f" ({bottleneck})"
        return (
            f"in {fps_in:5.1f} fps | out {fps_out:5.1f} fps | "
            f"age p50 {_format_age(ages, 50)} p99 {_format_age(ages, 99)} | "
            f"drops {drops} | {states}"
        )

    def summary(self, restarts: int) -> str:
        """The run as a table, one row a camera and one a process."""
        return "\n".join([*self._camera_table(), "", *self._process_table(restarts)])

    def _camera_table(self) -> Iterator[str]:
        yield (
            f"{'camera':<16} {'size':>10} {'captured':>9} {'results':>8} {'errors':>7} "
            f"{'dropped':>8} {'fps':>6} {'age p50':>9} {'p99':>9}"
        )
        seconds = max(time.monotonic() - self._start.at_s, 1e-3)
        for camera, name in enumerate(self._run.cameras):
            width, height = self._ledger.camera(camera).size_wh
            ages = self._ledger.ages(camera)
            published, errors = self._published(camera)
            yield (
                f"{name:<16} {width}x{height:<5} "
                f"{self._captured(camera):>9} {published:>8} "
                f"{errors:>7} "
                f"{sum(self._ledger.drops(camera).values()):>8} {published / seconds:>6.1f} "
                f"{_format_age(ages, 50):>9} {_format_age(ages, 99):>9}"
            )

    def _captured(self, camera: int) -> int:
        return self._ledger.counts(camera, self._captures[camera]).frames

    def _published(self, camera: int) -> tuple[int, int]:
        """(results, results that are errors); none where no stage publishes."""
        if self._run.publisher is None:
            return 0, 0
        counts = self._ledger.counts(camera, self._run.publisher)
        return counts.frames, counts.errors

    def _process_table(self, restarts: int) -> Iterator[str]:
        yield f"{'process':<16} {'core':>4} {'frames':>8} {'ms/frame':>9}  dropped"
        cameras = range(len(self._run.cameras))
        for process in self._run.processes:
            counts = [self._ledger.counts(camera, process.index) for camera in cameras]
            frames = sum(row.frames for row in counts)
            busy_ms = sum(row.busy_ns for row in counts) / max(frames, 1) / 1e6
            drops = ", ".join(self._process_drops(process.index)) or "-"
            yield f"{process.name:<16} {process.core:>4} {frames:>8} {busy_ms:>9.2f}  {drops}"
        yield self._bottleneck.of_run()
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

    def _absent(self) -> Iterator[str]:
        for camera, name in enumerate(self._run.cameras):
            state, _, why = self._ledger.camera(camera).status
            if state is not CameraState.LIVE:
                yield f"{name} {state.label}{': ' + why if why else ''}"


def _format_age(counts: AgeCounts, percent: float) -> str:
    """A percentile of ages, or a dash where nothing was published."""
    return f"{age_percentile_ms(counts, percent):.1f} ms" if counts.any() else "-"
