"""The supervisor's end of a change of options: leaves them, and says when they are in force."""

import math
import time
from pathlib import Path

from loguru import logger

from pipeline.memory.hot_options import HotOptions, leave_hot_options
from pipeline.memory.ledger import Ledger
from pipeline.topology import RunSpec

_PATIENCE_S = 5.0  # a process takes options between two frames, or after its start


class Reconfiguration:
    """Which processes have new options, and which of them work with these already."""

    def __init__(self, run: RunSpec, ledger: Ledger) -> None:
        self._run = run
        self._ledger = ledger
        self._writer = ledger.supervisor_writer()
        self._changed: list[int] = []  # indices of processes; none when all is said
        self._late_s = math.inf  # when to say that it takes long

    def begin(self, run: RunSpec) -> None:
        """Leave the options of a run whose revision is new.

        Raises:
            LineError: there is no room in shared memory; then nothing has changed.
        """
        hot = {process.index: process.options for process in run.processes if process.hot}
        leave_hot_options(Path(run.run_dir), HotOptions(run.revision, hot))
        self._writer.announce(run.revision)
        pairs = zip(self._run.processes, run.processes, strict=True)
        new = {process.index for before, process in pairs if process.options != before.options}
        self._changed = sorted(new.union(self._changed))
        self._run = run
        self._late_s = time.monotonic() + _PATIENCE_S

    def look(self) -> None:
        """Say once that all have the options, and before that once that some have not."""
        if not self._changed:
            return
        revision = self._run.revision
        missing = [i for i in self._changed if self._ledger.process(i).revision < revision]
        if not missing:
            logger.info("configuration: in force in {}", self._names(self._changed))
            self._changed = []
        elif time.monotonic() >= self._late_s:
            self._late_s = math.inf
            logger.warning("configuration: not in force yet in {}", self._names(missing))

    def _names(self, indices: list[int]) -> str:
        return ", ".join(self._run.processes[index].name for index in indices)
