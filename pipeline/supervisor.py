"""Starts the processes of a run, watches them, restarts what dies, and stops everything.

It holds no frame and imports no stage: a fault in vision code cannot take it down.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec
from loguru import logger

from pipeline.ledger import CameraState, Ledger
from pipeline.orders import EXIT_CRASHED, EXIT_REFUSED, Orders
from pipeline.topology import ProcessSpec, RunSpec

_POLL_S = 0.05
_RESTARTS, _RESTART_WINDOW_S = 5, 60.0
_CAPTURE_STOP_S = 1.0  # a read from a dead camera cannot be interrupted: it is killed after this
_STAGE_STOP_S = 0.8
# numpy would start a thread per core of the machine, for linear algebra that no stage does.
_THREADS = {"OPENBLAS_NUM_THREADS": "1"}
_PACKAGE_ROOT = Path(__file__).resolve().parent.parent


class Child:
    """One process of the line and its history of restarts."""

    def __init__(self, run: RunSpec, spec: ProcessSpec, log_level: str) -> None:
        self.spec = spec
        self.ended = False
        self.replay_due = False  # once it is ready
        self._orders = msgspec.msgpack.encode(Orders(run, spec.index, log_level))
        self._starts: deque[float] = deque(maxlen=_RESTARTS + 1)
        self.start()

    def start(self) -> None:
        self._starts.append(time.monotonic())
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

    def is_ready(self, ledger: Ledger) -> bool:
        """Whether its links are up; the books may still hold its predecessor's word."""
        ready_s = int(ledger.processes[self.spec.index]["ready_ns"]) / 1e9
        return ready_s > self._starts[-1]

    def may_restart(self) -> bool:
        """Whether it has died less often than the budget allows."""
        spent = len(self._starts) > _RESTARTS
        return not spent or time.monotonic() - self._starts[0] > _RESTART_WINDOW_S

    def stop(self, deadline: float) -> None:
        """The stop ladder: it has had SIGTERM; wait until `deadline`, then SIGKILL."""
        try:
            code = self.process.wait(max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        logger.debug("{} ended with {}", self.spec.name, describe_exit(code))

    def terminate(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)


class Supervisor:
    """Owns the processes of one run from start to the last exit."""

    def __init__(self, run: RunSpec, ledger: Ledger, log_level: str = "INFO") -> None:
        self._run = run
        self._ledger = ledger
        self.restarts = 0
        self.exit_code = 0
        self._children = [Child(run, spec, log_level) for spec in run.processes]

    def watch(self, stopped: Callable[[], bool], tick: Callable[[], None]) -> None:
        """Run until every camera has ended, `stopped`, or the line has to give up.

        Then `exit_code` tells: 0 for a regular end, else that of the process that failed for good.
        """
        while not stopped():
            self._wait_for_exit()
            for child in self._children:
                code = child.process.poll()
                if code is not None and not child.ended:
                    self._take_exit(child, code)
            self._replay_for_successors()
            if self.exit_code or all(child.ended for child in self._captures()):
                return
            tick()

    def stop(self) -> None:
        """Stop the cameras first, then the stages in the order of the data; leave nothing."""
        for children, patience_s in (
            (self._captures(), _CAPTURE_STOP_S),
            ([c for c in self._children if c.spec.camera is None], _STAGE_STOP_S),
        ):
            for child in children:
                child.terminate()
            deadline = time.monotonic() + patience_s
            for child in children:
                child.stop(deadline)

    def _captures(self) -> list[Child]:
        return [child for child in self._children if child.spec.camera is not None]

    def _wait_for_exit(self) -> None:
        """Sleep for a tick, or until the first running child exits."""
        fds = [os.pidfd_open(c.process.pid) for c in self._children if c.process.returncode is None]
        select.select(fds, [], [], _POLL_S)
        for fd in fds:
            os.close(fd)

    def _take_exit(self, child: Child, code: int) -> None:
        """Deal with a process that is gone: the end of its source, a restart, or a failed line."""
        name = child.spec.name
        if code == 0 and child.spec.camera is not None:
            child.ended = True
        elif code == EXIT_REFUSED:  # it has said why
            self._give_up(child, EXIT_REFUSED)
        elif not child.may_restart():
            logger.error("{} died {} times in {:.0f} s", name, _RESTARTS + 1, _RESTART_WINDOW_S)
            self._give_up(child, EXIT_CRASHED)
        else:
            logger.warning("{} {}: starting it again", name, describe_exit(code))
            self.restarts += 1
            child.start()
            child.replay_due = True
            self._ledger.request_replay()

    def _replay_for_successors(self) -> None:
        """Ask once more when a restarted process is ready.

        The replay at its start lets the other replicas go on meanwhile. But a socket may learn of a
        death later than the supervisor, and what it sent to the dead in between is lost.
        """
        for child in self._children:
            if child.replay_due and child.is_ready(self._ledger):
                child.replay_due = False
                self._ledger.request_replay()

    def _give_up(self, child: Child, exit_code: int) -> None:
        child.ended = True
        self.exit_code = exit_code
        if child.spec.camera is not None:
            self._ledger.set_state(child.spec.camera, CameraState.LOST, "its process gave up")


def describe_exit(code: int) -> str:
    """What a return code of `subprocess` means, in words."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
