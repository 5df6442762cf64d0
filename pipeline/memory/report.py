"""What the books say, for people: a live line while it runs, a table at the end."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.memory.ledger import CameraState, DropReason, Ledger, age_percentile_ms
from pipeline.topology import RunSpec

_NS_PER_S = 1_000_000_000


class Totals(NamedTuple):
    """Sums over all cameras at one moment."""

    at_s: float
    captured: int
    published: int
    ages: npt.NDArray[np.uint64]


class Report:
    """Reads the ledger of a run; writes nothing."""

    def __init__(self, run: RunSpec, ledger: Ledger) -> None:
        self._run = run
        self._ledger = ledger
        self._captures = [p.index for p in run.processes if p.camera is not None]
        self._publish = run.publisher
        self._start = self._last = self.totals()

    def totals(self) -> Totals:
        rows = self._ledger.rows
        return Totals(
            at_s=time.monotonic(),
            captured=int(rows["frames"][:, self._captures].sum()),
            published=int(rows["frames"][:, self._publish].sum()),
            ages=self._ledger.ages.sum(axis=0),
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
        rows = self._ledger.rows
        for camera, name in enumerate(self._run.cameras):
            row = self._ledger.cameras[camera]
            ages = self._ledger.ages[camera]
            published = int(rows["frames"][camera, self._publish])
            yield (
                f"{name:<16} {row['width']}x{row['height']:<5} "
                f"{int(rows['frames'][camera, self._captures].sum()):>9} {published:>8} "
                f"{int(rows['errors'][camera, self._publish]):>7} "
                f"{sum(self._ledger.drops(camera).values()):>8} {published / seconds:>6.1f} "
                f"{_format_age(ages, 50):>9} {_format_age(ages, 99):>9}"
            )

    def _process_table(self, restarts: int) -> Iterator[str]:
        yield f"{'process':<16} {'core':>4} {'frames':>8} {'ms/frame':>9}  dropped"
        rows = self._ledger.rows
        for process in self._run.processes:
            frames = int(rows["frames"][:, process.index].sum())
            busy_ms = int(rows["busy_ns"][:, process.index].sum()) / max(frames, 1) / 1e6
            drops = ", ".join(self._process_drops(process.index)) or "-"
            yield f"{process.name:<16} {process.core:>4} {frames:>8} {busy_ms:>9.2f}  {drops}"
        if restarts:
            yield f"{restarts} processes died and were started again"

    def _drops(self) -> Iterator[str]:
        for process in self._run.processes:
            for text in self._process_drops(process.index):
                yield f"{process.name} {text}"

    def _process_drops(self, index: int) -> Iterator[str]:
        counts = self._ledger.rows["drops"][:, index].sum(axis=0)
        for reason in DropReason:
            if counts[reason]:
                yield f"{counts[reason]} {reason.label}"

    def _absent(self) -> Iterator[str]:
        for camera, name in enumerate(self._run.cameras):
            state, _, why = self._ledger.state(camera)
            if state is not CameraState.LIVE:
                yield f"{name} {state.label}{': ' + why if why else ''}"


def _format_age(counts: npt.NDArray[np.uint64], percent: float) -> str:
    """A percentile of ages, or a dash where nothing was published."""
    return f"{age_percentile_ms(counts, percent):.1f} ms" if counts.any() else "-"
