"""Which core is busiest, and with which stage: what to give more time to, or less work."""

import time
from collections import defaultdict
from typing import NamedTuple

from pipeline.memory.ledger import LedgerReader
from pipeline.memory.roster import Roster

_NS_PER_S = 1_000_000_000
_FULL = 0.9  # of a core's time: below it, something else than this core limits the line


class Work(NamedTuple):
    """What all processes have done at one moment."""

    at_s: float
    busy_ns: tuple[int, ...]  # by process
    dropped: int  # frames


class Bottleneck:
    """Compares the work of a run's processes, over the whole run and since the last call."""

    def __init__(self, roster: Roster, ledger: LedgerReader) -> None:
        self._roster = roster
        self._ledger = ledger
        self._start = self._last = self._look()

    def of_run(self) -> str:
        """A sentence about the busiest core since the first process was ready."""
        processes = self._roster.run.processes
        ready_ns = [self._ledger.process(process.index).ready_ns for process in processes]
        first_s = min((ns for ns in ready_ns if ns), default=0) / _NS_PER_S
        start = self._start._replace(at_s=max(self._start.at_s, first_s))
        return self._describe(start, self._look())

    def of_drops(self) -> str:
        """The same since the last call, if frames were dropped since then; else nothing."""
        before, self._last = self._last, self._look()
        return self._describe(before, self._last) if self._last.dropped > before.dropped else ""

    def _look(self) -> Work:
        cameras = range(len(self._roster))
        rows = [
            [self._ledger.counts(camera, process.index) for camera in cameras]
            for process in self._roster.run.processes
        ]
        return Work(
            at_s=time.monotonic(),
            busy_ns=tuple(sum(counts.busy_ns for counts in row) for row in rows),
            dropped=sum(sum(self._ledger.drops(camera).values()) for camera in cameras),
        )

    def _describe(self, before: Work, now: Work) -> str:
        wall_ns = max(now.at_s - before.at_s, 1e-3) * _NS_PER_S
        shares = defaultdict[int, list[tuple[float, str]]](list)  # by core: of its time
        earlier = (*before.busy_ns, *[0] * (len(now.busy_ns) - len(before.busy_ns)))
        for process, busy_ns, earlier_ns in zip(
            self._roster.run.processes, now.busy_ns, earlier, strict=True
        ):
            shares[process.core].append(((busy_ns - earlier_ns) / wall_ns, process.name))
        core, busiest = max(shares.items(), key=lambda item: sum(share for share, _ in item[1]))
        share, name = max(busiest)
        # A stage's time is that of the clock: where stages share a core, it includes the others'.
        total = min(sum(share for share, _ in busiest), 1.0)
        most = f", {_percent(share)} with {name}" if len(busiest) > 1 else f" with {name}"
        role = "bottleneck" if total >= _FULL else "busiest"
        return f"{role}: core {core}, busy for {_percent(total)} of the time{most}"


def _percent(share: float) -> str:
    return f"{100.0 * min(share, 1.0):.0f} %"
