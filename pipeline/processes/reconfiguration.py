"""The supervisor's end of a change: leaves the run to be read, and says when it is in force."""

import math
import time

from pipeline.logger import logger
from pipeline.memory.ledger import Ledger
from pipeline.memory.roster import Roster
from pipeline.memory.run_file import leave_run
from pipeline.topology import RunSpec

_PATIENCE_S = 5.0  # a process takes options between two frames, or after its start


class Reconfiguration:
    """Which processes have new options, and which of them work with these already."""

    def __init__(self, roster: Roster, ledger: Ledger) -> None:
        self._roster = roster
        self._ledger = ledger
        self._writer = ledger.supervisor_writer()
        self._changed: list[int] = []  # indices of processes; none when all is said
        self._late_s = math.inf  # when to say that it takes long

    def begin(self, run: RunSpec) -> None:
        """Leave a run whose revision is new.

        Raises:
            LineError: there is no room in shared memory; then nothing has changed.
        """
        leave_run(run)
        self._writer.announce(run.revision)
        pairs = zip(self._roster.run.processes, run.processes, strict=False)
        new = {
            process.index
            for before, process in pairs
            if process.hot and process.options != before.options
        }
        self._changed = sorted(new.union(self._changed))
        self._roster.renew(run)
        self._late_s = time.monotonic() + _PATIENCE_S

    def is_taken(self) -> bool:
        """Whether all stages work with the last run."""
        stages = (p for p in self._roster.run.processes if not p.is_source and not p.is_service)
        return not self._missing([stage.index for stage in stages])

    def look(self) -> None:
        """Say once that all have the options, and before that once that some have not."""
        if not self._changed:
            return
        missing = self._missing(self._changed)
        if not missing:
            logger.info("configuration: in force in {}", self._names(self._changed))
            self._changed = []
        elif time.monotonic() >= self._late_s:
            self._late_s = math.inf
            logger.warning("configuration: not in force yet in {}", self._names(missing))

    def _missing(self, indices: list[int]) -> list[int]:
        revision = self._roster.run.revision
        return [index for index in indices if self._ledger.process(index).revision < revision]

    def _names(self, indices: list[int]) -> str:
        return ", ".join(self._roster.run.processes[index].name for index in indices)
