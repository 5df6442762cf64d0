"""One process of the line as the supervisor sees it: how it starts, how it is stopped."""

import signal
import time

import msgspec
from loguru import logger

from pipeline.memory.ledger import LedgerReader
from pipeline.processes.fork_client import ForkServerClient
from pipeline.processes.forked_process import describe_exit
from pipeline.processes.orders import Orders
from pipeline.processes.restarts import Restarts
from pipeline.topology import ProcessSpec, RunSpec


class ManagedProcess:
    """A process, its successors, and their history.

    `ended`: there will be no successor. `doom`: why the supervisor has killed it. `replay_due`:
    frames are to be asked for once it is ready.
    """

    def __init__(
        self, run: RunSpec, spec: ProcessSpec, log_level: str, forker: ForkServerClient
    ) -> None:
        self.spec = spec
        self._forker = forker
        self.ended = False
        self.replay_due = False
        self.restarts = Restarts(run.limits)
        self._orders = msgspec.msgpack.encode(Orders(run, spec.index, log_level))
        self.start()

    def start(self) -> None:
        self.started_s = time.monotonic()
        self.due_s: float | None = None  # when a successor is to be started
        self.doom = ""
        self.process = self._forker.make(self._orders)

    @property
    def is_up(self) -> bool:
        """Whether a process runs whose exit has not been dealt with."""
        return not self.ended and self.due_s is None

    def is_ready(self, ledger: LedgerReader) -> bool:
        """Whether its links are up; the books may still hold its predecessor's word."""
        return ledger.process(self.spec.index).ready_ns / 1e9 > self.started_s

    def has_delivered(self, ledger: LedgerReader) -> bool:
        """Whether it has finished a frame since its start."""
        return ledger.progress_ns(self.spec.index) / 1e9 > self.started_s

    def kill(self, why: str) -> None:
        self.doom = why
        self.process.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self, deadline: float) -> None:
        """The stop ladder: it has had SIGTERM; wait until `deadline`, then SIGKILL."""
        code = self.process.wait(max(deadline - time.monotonic(), 0.0))
        if code is None:
            self.process.send_signal(signal.SIGKILL)
            code = self.process.wait()
        assert code is not None, "nobody survives that"
        logger.debug("{} ended with {}", self.spec.name, describe_exit(code))
