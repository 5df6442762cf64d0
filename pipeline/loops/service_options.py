"""Whether a service works with options that are those of the configuration no more."""

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.memory.run_file import read_run
from pipeline.stage import Context

Take = Callable[[Mapping[str, Any]], bool]


class ServiceOptions:
    """Looks at one word of memory, unless options have changed.

    A service that does not take others while it runs is started again: no frame waits for it, and
    what it has to remember is on disk.

    Attributes:
        take: gives others to the service; returns whether it works with them now.
    """

    def __init__(self, context: Context) -> None:
        self._process, self._run_dir = context.process, context.run_dir
        self._ledger, self._heartbeat = context.ledger, context.heartbeat
        self._options: Mapping[str, Any] = context.process.options
        self._revision = context.run.revision
        self._heartbeat.adopt(self._revision)
        self.take: Take | None = None

    def are_old(self) -> bool:
        """Whether it is to end, so that a successor begins with the new ones."""
        if not self._process.hot or self._ledger.revision == self._revision:
            return False
        run = read_run(self._run_dir)
        options = run.processes[self._process.index].options
        if options != self._options:
            if self.take is None or not self.take(options):
                return True
            self._options = options
        self._revision = run.revision
        self._heartbeat.adopt(self._revision)
        return False
