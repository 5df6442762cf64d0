"""Faults one after the other on one line, and what came of each."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.faults.fault import Fault
from tests.faults.line_under_fire import HANG_S, LineUnderFire
from tests.faults.monitor import Monitor, Sample
from tests.faults.sandbox import Sandbox
from tests.faults.schedule import Turn
from tests.faults.table import Table

_STEADY_S = 1.0  # before the end: nothing is healing any more


class Outcome(NamedTuple):
    """What one fault did."""

    at_s: float  # when it began
    kind: str
    what: str
    lasted_s: float  # from its begin to the end of its cause
    detections_s: float | None  # from there; None: not within HANG_S
    recordings_s: float | None

    @property
    def hung(self) -> bool:
        return self.detections_s is None or self.recordings_s is None


class Verdict(NamedTuple):
    """How one line ended."""

    began_s: float
    ended_s: float
    captured: int
    results: int
    drops: int
    under_way: int
    broken: str | None  # promises, joined


class Barrage:
    """The tables of a soak, and the line that is in it; continued where there are tables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.samples = Table(folder / "samples.csv", Sample)
        self.outcomes = Table(folder / "faults.csv", Outcome)
        self.verdicts = Table(folder / "lines.csv", Verdict)
        self.refusals: dict[str, str] = {}
        times = [s.at_s for s in self.samples.rows] + [o.at_s for o in self.outcomes.rows]
        self._start_s = time.monotonic() - max(times, default=0.0)

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._start_s

    def run(self, scratch: Path, turns: Iterable[Turn], disk_bytes: int, every_s: float) -> None:
        """One line through all the turns, and what is true of it in the end."""
        with Sandbox(scratch, disk_bytes) as sandbox:
            began_s = self.elapsed_s
            line = LineUnderFire(scratch, sandbox)
            self.refusals = sandbox.refusals
            try:
                with Monitor(line, self.samples, self._start_s, every_s):
                    self._take_turns(line, turns)
                self._note_end(line, began_s)
            finally:
                line.abandon()

    def _take_turns(self, line: LineUnderFire, turns: Iterable[Turn]) -> None:
        for calm_s, fault in turns:
            if not set(fault.needs) & set(self.refusals):
                time.sleep(calm_s)
                self.outcomes.add(self._suffer(line, fault))
        time.sleep(_STEADY_S)

    def _suffer(self, line: LineUnderFire, fault: Fault) -> Outcome:
        began_s = time.monotonic()
        fault.strike(line)
        ended_s = time.monotonic()
        recovery = line.recovery(ended_s)
        return Outcome(
            round(began_s - self._start_s, 2),
            fault.kind,
            describe(fault),
            round(ended_s - began_s, 3),
            *(None if seconds is None else round(seconds, 3) for seconds in recovery),
        )

    def _note_end(self, line: LineUnderFire, began_s: float) -> None:
        accounts, broken = line.end()
        self.verdicts.add(
            Verdict(
                round(began_s, 2),
                round(self.elapsed_s, 2),
                captured=sum(account.captured for account in accounts.values()),
                results=sum(account.results for account in accounts.values()),
                drops=sum(account.drops for account in accounts.values()),
                under_way=sum(account.under_way for account in accounts.values()),
                broken="; ".join(broken) or None,
            )
        )

    def broken_promises(self) -> list[str]:
        """Of all lines: no result in time after a fault, and what the end of a line showed."""
        late = [f"{o.what}: no recovery in {HANG_S:g} s" for o in self.outcomes.rows if o.hung]
        return late + [v.broken for v in self.verdicts.rows if v.broken]


def describe(fault: Fault) -> str:
    fields = (f"{name}={getattr(fault, name)}" for name in fault.__struct_fields__)
    return " ".join([fault.kind, *fields])
