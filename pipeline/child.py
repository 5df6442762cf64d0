"""One process of the line as the supervisor sees it: how it starts, how it is stopped."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
from loguru import logger

from pipeline.ledger import Ledger
from pipeline.orders import Orders
from pipeline.restarts import Restarts
from pipeline.topology import ProcessSpec, RunSpec

# numpy would start a thread per core of the machine, for linear algebra that no stage does.
_THREADS = {"OPENBLAS_NUM_THREADS": "1"}
_PACKAGE_ROOT = Path(__file__).resolve().parent.parent


class Child:
    """A process, its successors, and their history.

    `ended`: there will be no successor. `doom`: why the supervisor has killed it. `replay_due`:
    frames are to be asked for once it is ready.
    """

    def __init__(self, run: RunSpec, spec: ProcessSpec, log_level: str) -> None:
        self.spec = spec
        self.ended = False
        self.replay_due = False
        self.restarts = Restarts(run.limits)
        self._orders = msgspec.msgpack.encode(Orders(run, spec.index, log_level))
        self.start()

    def start(self) -> None:
        self.started_s = time.monotonic()
        self.due_s: float | None = None  # when a successor is to be started
        self.doom = ""
        path = os.pathsep.join([str(_PACKAGE_ROOT), *sys.path[1:]])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.process"],
            stdin=subprocess.PIPE,
            env=_THREADS | os.environ | {"PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone
        )
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # killed already: the watch loop will notice
            self.process.stdin.write(self._orders)
            self.process.stdin.close()

    @property
    def is_up(self) -> bool:
        """Whether a process runs whose exit has not been dealt with."""
        return not self.ended and self.due_s is None

    def is_ready(self, ledger: Ledger) -> bool:
        """Whether its links are up; the books may still hold its predecessor's word."""
        return int(ledger.processes[self.spec.index]["ready_ns"]) / 1e9 > self.started_s

    def has_delivered(self, ledger: Ledger) -> bool:
        """Whether it has finished a frame since its start."""
        progress_ns = ledger.rows["progress_ns"][:, self.spec.index].max()
        return int(progress_ns) / 1e9 > self.started_s

    def kill(self, why: str) -> None:
        self.doom = why
        self.process.kill()

    def terminate(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self, deadline: float) -> None:
        """The stop ladder: it has had SIGTERM; wait until `deadline`, then SIGKILL."""
        try:
            code = self.process.wait(max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        logger.debug("{} ended with {}", self.spec.name, describe_exit(code))


def describe_exit(code: int) -> str:
    """What a return code of `subprocess` means, in words."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
