"""Whether a service works with options that are those of the configuration no more."""

from pipeline.memory.run_file import read_run
from pipeline.stage import Context


class ServiceOptions:
    """Looks at one word of memory, unless options have changed. Such a service is started again:
    no frame waits for it, and what it has to remember is on disk.
    """

    def __init__(self, context: Context) -> None:
        self._process, self._run_dir = context.process, context.run_dir
        self._ledger, self._heartbeat = context.ledger, context.heartbeat
        self._revision = context.run.revision
        self._heartbeat.adopt(self._revision)

    def are_old(self) -> bool:
        """Whether it is to end, so that a successor begins with the new ones."""
        if not self._process.hot or self._ledger.revision == self._revision:
            return False
        run = read_run(self._run_dir)
        if run.processes[self._process.index].options != self._process.options:
            return True
        self._revision = run.revision
        self._heartbeat.adopt(self._revision)
        return False
