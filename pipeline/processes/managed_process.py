"""One process of the line as the supervisor sees it: how it starts, how it is stopped."""

import signal
import time

import msgspec

from pipeline.logger import logger
from pipeline.memory.ledger import LedgerReader
from pipeline.processes.fork_client import ForkServerClient
from pipeline.processes.forked_process import describe_exit
from pipeline.processes.orders import Orders
from pipeline.processes.restarts import DELAY_CAP_S, SERVICE_DELAY_CAP_S, Restarts
from pipeline.topology import ProcessSpec, RunSpec


class ManagedProcess:
    """A process, its successors, and their history.

    `current`: the process that runs, or ran last. `ended`: there will be no successor.
    `kill_reason`: why the supervisor has killed it. `replay_due`: frames are to be sent again once
    it is ready. `is_quiet`: it fails so often that its failures are not logged any more.
    `is_renewed`: it has made way for other options, so its successor is no restart.
    `is_leaving`: its camera leaves, so there will be no successor. `came_later`: its camera has
    come while the line ran.
    """

    def __init__(
        self,
        run: RunSpec,
        spec: ProcessSpec,
        log_level: str,
        fork_server: ForkServerClient,
        *,
        came_later: bool = False,
    ) -> None:
        self.spec = spec
        self.ended = False
        self.replay_due = False
        self.is_quiet = False
        self.is_renewed = came_later
        self.is_leaving = False
        self.came_later = came_later
        cap_s = SERVICE_DELAY_CAP_S if spec.is_service else DELAY_CAP_S
        self.restarts = Restarts(run.limits, cap_s)
        self._fork_server = fork_server
        self._orders = Orders(run, spec.index, log_level)
        self._lasting_s = run.limits.window_s
        self.start()

    def start(self) -> None:
        self.started_s = time.monotonic()
        self.due_s: float | None = None  # when a successor is to be started
        self.kill_reason = ""
        orders = msgspec.structs.replace(
            self._orders, is_quiet=self.is_quiet, is_renewed=self.is_renewed
        )
        self.is_renewed = False
        self.current = self._fork_server.make(orders.encode())

    def reconfigure(self, run: RunSpec) -> None:
        """Its successors begin with the options that this run says."""
        self.spec = run.processes[self.spec.index]
        self._orders = msgspec.structs.replace(self._orders, run=run)

    def leave(self) -> None:
        """End, and have no successor."""
        self.is_leaving = True
        if self.due_s is not None:  # it waits to be started again
            self.ended = True
        self.terminate()

    @property
    def is_up(self) -> bool:
        """Whether a process runs whose exit has not been dealt with."""
        return not self.ended and self.due_s is None

    def is_ready(self, ledger: LedgerReader) -> bool:
        """Whether its links are up; the ledger may still hold the time of its predecessor."""
        return ledger.process(self.spec.index).ready_ns / 1e9 > self.started_s

    def was_useful(self, ledger: LedgerReader) -> bool:
        """Whether it has finished a frame since its start; a service: whether it has lasted."""
        if self.spec.is_service:
            return time.monotonic() - self.started_s > self._lasting_s
        return ledger.progress_ns(self.spec.index) / 1e9 > self.started_s

    def kill(self, reason: str) -> None:
        self.kill_reason = reason
        self.current.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        if self.current.poll() is None:
            self.current.send_signal(signal.SIGTERM)

    def stop(self, deadline: float) -> None:
        """The stop ladder: it has had SIGTERM; wait until `deadline`, then SIGKILL."""
        code = self.current.wait(max(deadline - time.monotonic(), 0.0))
        if code is None:
            self.current.send_signal(signal.SIGKILL)
            code = self.current.wait()
        assert code is not None, "a process ends after SIGKILL"
        logger.debug("{} ended with {}", self.spec.name, describe_exit(code))
