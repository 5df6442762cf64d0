"""Whether a service works with options that are those of the configuration no more."""

from pipeline.memory.hot_options import read_hot_options
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
        hot = read_hot_options(self._run_dir)
        if hot.options.get(self._process.index) != self._process.options:
            return True
        self._revision = hot.revision
        self._heartbeat.adopt(self._revision)
        return False
