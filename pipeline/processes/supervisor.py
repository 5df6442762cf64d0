"""Starts the processes of a run, watches them, restarts what dies or hangs, and stops everything.

It holds no frame and imports no stage: a fault in vision code cannot take it down.
"""

import select
import signal
import time
from collections.abc import Callable

from loguru import logger

from pipeline.memory.cameras import CameraState
from pipeline.memory.ledger import Ledger
from pipeline.processes.fork_client import ForkServerClient
from pipeline.processes.forked_process import describe_exit
from pipeline.processes.managed_process import ManagedProcess
from pipeline.processes.orders import EXIT_CRASHED, EXIT_REFUSED
from pipeline.processes.watchdog import Watchdog
from pipeline.topology import RunSpec

_POLL_S = 0.05
_CAPTURE_STOP_S = 1.0  # a read from a dead camera cannot be interrupted: it is killed after this
_STAGE_STOP_S = 0.8
_FATAL_TIMES = 2  # a frame that was in hand at so many deaths in a row is not tried again


class Supervisor:
    """Owns the processes of one run from start to the last exit."""

    def __init__(self, run: RunSpec, ledger: Ledger, log_level: str = "INFO") -> None:
        self._run = run
        self._ledger = ledger
        self._requests = ledger.supervisor_writer()
        self._watchdog = Watchdog(run, ledger)
        self._over = False
        self._fatal: dict[str, tuple[tuple[int, int], int]] = {}  # by stage: frame, deaths
        self.restarts = 0
        self.exit_code = 0
        self._forker = ForkServerClient(run.supervisor_pid, run.topology.preloaded, run.limits)
        self._children = [
            ManagedProcess(run, spec, log_level, self._forker) for spec in run.processes
        ]

    def watch(self, stopped: Callable[[], bool], tick: Callable[[], None]) -> None:
        """Run until every camera has ended, `stopped`, or the line has to give up.

        Then `exit_code` tells: 0 for a regular end, else that of the process that failed for good.
        """
        while not stopped():
            self._wait_for_news()
            self._forker.look()
            if self._forker.exhausted:
                self.exit_code = EXIT_CRASHED
                return
            for child in self._children:
                self._look_after(child)
            for child, why in self._watchdog.look(self._children):
                child.kill(why)
            self._replay_for_successors()
            if self._over or all(child.ended for child in self._captures()):
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
        self._forker.close()

    def _captures(self) -> list[ManagedProcess]:
        return [child for child in self._children if child.spec.camera is not None]

    def _wait_for_news(self) -> None:
        """Sleep for a tick, or until the first running child exits or is born."""
        pidfds = [child.process.fileno() for child in self._children]
        fds = [*self._forker.fds(), *(fd for fd in pidfds if fd is not None)]
        select.select(fds, [], [], _POLL_S)

    def _look_after(self, child: ManagedProcess) -> None:
        """Take its exit, or start its successor when it is time."""
        if child.is_up:
            code = child.process.poll()
            if code is not None:
                self._take_exit(child, code)
        if child.due_s is not None and time.monotonic() >= child.due_s:
            self.restarts += 1
            child.start()
            child.replay_due = True

    def _take_exit(self, child: ManagedProcess, code: int) -> None:
        """Deal with a process that is gone: the end of its source, a restart, or a failed line."""
        if code == 0 and child.spec.camera is not None:
            child.ended = True
        elif code == EXIT_REFUSED:  # it has said why
            self._give_up(child, EXIT_REFUSED)
        else:
            child.restarts.count_death(delivered=child.has_delivered(self._ledger))
            self._note_frame_in_hand(child, code)
            self._restart(child, child.doom or describe_exit(code))

    def _restart(self, child: ManagedProcess, why: str) -> None:
        name, limits = child.spec.name, self._run.limits
        if child.restarts.exhausted:
            logger.error("{} {}: it died {} times in {:g} s", name, why, limits.restarts + 1,
                         limits.window_s)  # fmt: skip
            self._give_up(child, EXIT_CRASHED)
            return
        delay_s = child.restarts.delay_s
        when = f" in {delay_s:g} s" if delay_s else ""
        logger.warning("{} {}: starting it again{}", name, why, when)
        child.due_s = time.monotonic() + delay_s
        if child.spec.camera is not None:  # which has no writer now
            state = CameraState.STALLED if child.doom else CameraState.CONNECTING
            self._ledger.camera_writer(child.spec.camera).set_state(state, f"its process {why}")
        self._requests.request_replay()

    def _note_frame_in_hand(self, child: ManagedProcess, code: int) -> None:
        """Give up a frame that kills whoever works on it; the line has others.

        A kill from outside is not the frame's fault.
        """
        held = self._requests.take_held_frame(child.spec.index)
        stage = child.spec.stage
        if held is None or (code == -signal.SIGKILL and not child.doom):
            return
        frame, times = self._fatal.get(stage, (held, 0))
        times = times + 1 if frame == held else 1
        self._fatal[stage] = held, times
        if times >= _FATAL_TIMES:
            camera, frame_id = held
            self._requests.skip_frame(camera, self._run.topology.names.index(stage), frame_id)
            logger.error("{} frame {}: {} died {} times on it: it is skipped",
                         self._run.cameras[camera], frame_id, stage, times)  # fmt: skip

    def _replay_for_successors(self) -> None:
        """Ask once more when a restarted process is ready.

        The replay at its death lets the other replicas go on meanwhile. But a socket may learn of a
        death later than the supervisor, and what it sent to the dead in between is lost.
        """
        for child in self._children:
            if child.replay_due and child.is_up and child.is_ready(self._ledger):
                child.replay_due = False
                self._requests.request_replay()

    def _give_up(self, child: ManagedProcess, exit_code: int) -> None:
        """A camera may be lost alone; without a stage there is no line."""
        child.ended = True
        self.exit_code = self.exit_code or exit_code
        camera = child.spec.camera
        if camera is None or self._run.limits.on_lost == "exit":
            self._over = True
        if camera is not None:
            self._ledger.camera_writer(camera).set_state(CameraState.LOST, "its process gave up")
            logger.error("{}: this camera is lost", self._run.cameras[camera])
