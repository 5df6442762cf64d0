"""Starts the processes of a run, watches them, restarts what dies or hangs, and stops everything.

It holds no frame and imports no stage: a fault in vision code cannot take it down.
"""

import logging
import select
import time
from collections.abc import Callable, Sequence

from pipeline.logger import logger
from pipeline.memory.cameras import CameraState
from pipeline.memory.ledger import Ledger
from pipeline.memory.roster import Roster
from pipeline.processes.fatal_frames import FatalFrames
from pipeline.processes.fork_client import ForkServerClient
from pipeline.processes.forked_process import describe_exit
from pipeline.processes.leftovers import Leftovers
from pipeline.processes.line_up import LineUp
from pipeline.processes.managed_process import ManagedProcess
from pipeline.processes.mapped_files import give_back_files
from pipeline.processes.orders import EXIT_CRASHED, EXIT_GONE, EXIT_REFUSED, EXIT_RENEWED, remember
from pipeline.processes.restarts import SERVICE_DELAY_CAP_S
from pipeline.processes.transitions import Transitions
from pipeline.processes.watchdog import Watchdog
from pipeline.realtime import count_threads
from pipeline.topology import ProcessSpec, RunSpec

_OF_SERVICES = ("pipeline.processes.service_main",)  # what all of them import
_POLL_S = 0.05
_SOURCE_STOP_S = 1.0  # a read from a dead camera cannot be interrupted: it is killed after this
_STAGE_STOP_S = 0.8
_SERVICE_STOP_S = 1.0  # the last messages are handled in this time


class Supervisor:
    """Owns the processes of one run from start to the last exit."""

    def __init__(self, run: RunSpec, ledger: Ledger, log_level: str = "INFO") -> None:
        self._roster = roster = Roster(run)
        self._ledger = ledger
        self._log_level = log_level
        self._requests = ledger.supervisor_writer()
        self._watchdog = Watchdog(roster, ledger)
        self._fatal_frames = FatalFrames(roster, self._requests)
        self._leftovers = Leftovers(roster, ledger)
        self._over = False
        self.restarts = 0
        self.exit_code = 0
        remember(run)  # before the fork: each process would have to
        modules = (*run.topology.preloaded, *(_OF_SERVICES if run.topology.services else ()))
        self._fork_server = ForkServerClient(run.supervisor_pid, modules, run.limits)
        if count_threads() == 1:  # no other loads a library meanwhile
            give_back_files()
        self._processes = [self._make(spec) for spec in run.processes]
        self._transitions = Transitions(roster, ledger, self._processes, self._make_later)

    @property
    def is_ready(self) -> bool:
        """Whether each process has begun its work; a camera may be away all the same."""
        return all(process.ended or process.is_ready(self._ledger) for process in self._processes)

    def watch(
        self, stopped: Callable[[], bool], tick: Callable[[], None], news: Sequence[int] = ()
    ) -> None:
        """Run until every camera has ended and its frames are through, `stopped`, or all is lost.

        `tick` is called at each turn, and at once when there is something on the descriptors
        `news`, which it reads.

        Then `exit_code` tells: 0 for a regular end, else that of the process that failed for good.
        """
        while not stopped():
            self._wait_for_news(news)
            self._fork_server.look()
            if self._fork_server.exhausted:
                self.exit_code = EXIT_CRASHED
                return
            for process in self._processes:
                self._look_after(process)
            for process, reason in self._watchdog.look(self._processes):
                process.kill(reason)
            self._replay_for_successors()
            self._transitions.look()
            if self._over or (self._have_ended() and not self._leftovers.are_moving()):
                return
            tick()

    @property
    def is_changing(self) -> bool:
        """Whether cameras are on their way out of the line; nothing else may change meanwhile."""
        return self._transitions.are_under_way

    def reconfigure(self, line_up: LineUp) -> None:
        """Have the line work with other hot options and other cameras; no other process restarts.

        To be called from `tick`. A process that dies meanwhile is followed by one that begins with
        what is new. Cameras that leave are waited for, tick by tick.

        Raises:
            LineChanging: cameras are on their way out of the line.
            LineError: there is no room; then nothing has changed.
        """
        self._transitions.begin(line_up)

    def _make(self, spec: ProcessSpec, *, came_later: bool = False) -> ManagedProcess:
        return ManagedProcess(
            self._run, spec, self._log_level, self._fork_server, came_later=came_later
        )

    def _make_later(self, spec: ProcessSpec) -> ManagedProcess:
        return self._make(spec, came_later=True)

    @property
    def _run(self) -> RunSpec:
        return self._roster.run

    def stop(self) -> None:
        """Stop the cameras, then the stages, then the services; leave nothing uncounted."""
        for processes, patience_s in (
            (self._sources(), _SOURCE_STOP_S),
            (self._stages(), _STAGE_STOP_S),
            (self._services(), _SERVICE_STOP_S),
        ):
            for process in processes:
                process.terminate()
            deadline = time.monotonic() + patience_s
            for process in processes:
                process.stop(deadline)
        self._fork_server.close()
        self._leftovers.count()

    def _have_ended(self) -> bool:
        return not self.is_changing and all(process.ended for process in self._sources())

    def _sources(self) -> list[ManagedProcess]:
        return [process for process in self._processes if process.spec.is_source]

    def _stages(self) -> list[ManagedProcess]:
        beside = [*self._sources(), *self._services()]
        return [process for process in self._processes if process not in beside]

    def _services(self) -> list[ManagedProcess]:
        return [process for process in self._processes if process.spec.is_service]

    def _wait_for_news(self, news: Sequence[int]) -> None:
        """Sleep for a tick, or until the first process starts or exits, or others have news."""
        pidfds = [process.current.fileno() for process in self._processes]
        fds = [*news, *self._fork_server.fds(), *(fd for fd in pidfds if fd is not None)]
        select.select(fds, [], [], _POLL_S)

    def _look_after(self, process: ManagedProcess) -> None:
        """Take its exit, or start its successor when it is time."""
        if process.is_up:
            code = process.current.poll()
            if code is not None:
                self._take_exit(process, code)
        if process.due_s is not None and time.monotonic() >= process.due_s:
            self.restarts += not process.is_renewed
            process.start()
            process.replay_due = not process.spec.is_service

    def _take_exit(self, process: ManagedProcess, code: int) -> None:
        """Deal with an exit: the end of a source, a restart, or the end of the line."""
        reason = process.kill_reason or describe_exit(code)
        if process.spec.is_service and code == EXIT_RENEWED:
            process.is_renewed = True
            process.due_s = time.monotonic()
        elif process.spec.is_service:
            self._restart_service(process, reason)
        elif process.is_leaving or (code == 0 and process.spec.is_source):
            process.ended = True
        elif code == EXIT_REFUSED:  # it has said why
            self._give_up(process, EXIT_REFUSED)
        elif code == EXIT_GONE:  # it has said why, too
            self._give_up(process, EXIT_CRASHED, "its source is gone for good")
        else:
            process.restarts.count_death(useful=process.was_useful(self._ledger))
            self._fatal_frames.take_held_frame(process, code)
            self._restart(process, reason)

    def _restart_service(self, process: ManagedProcess, reason: str) -> None:
        """Start it again, however often it dies: no frame waits for it.

        That it dies often is said once, and again after it has lasted.
        """
        useful = process.was_useful(self._ledger)
        process.restarts.count_death(useful=useful)
        process.due_s = time.monotonic() + process.restarts.delay_s
        process.is_quiet = process.is_quiet and not useful
        level = logging.DEBUG if process.is_quiet else logging.WARNING
        pause = "starting it again"
        if process.restarts.exhausted and not process.is_quiet:
            process.is_quiet = True
            pause = f"it dies often: starting it again, after up to {SERVICE_DELAY_CAP_S:g} s"
        logger.log(level, "{} {}: {}", process.spec.name, reason, pause)

    def _restart(self, process: ManagedProcess, reason: str) -> None:
        name, limits = process.spec.name, self._run.limits
        if process.restarts.exhausted:
            logger.error("{} {}: it died {} times in {:g} s", name, reason, limits.restarts + 1,
                         limits.window_s)  # fmt: skip
            self._give_up(process, EXIT_CRASHED)
            return
        delay_s = process.restarts.delay_s
        when = f" in {delay_s:g} s" if delay_s else ""
        logger.warning("{} {}: starting it again{}", name, reason, when)
        process.due_s = time.monotonic() + delay_s
        if process.spec.camera is not None:  # whose state has no other writer now
            state = CameraState.STALLED if process.kill_reason else CameraState.CONNECTING
            writer = self._ledger.camera_writer(process.spec.camera)
            writer.set_state(state, f"its process {reason}")
        self._requests.request_replay()

    def _replay_for_successors(self) -> None:
        """Request another replay when a restarted process is ready.

        The replay at its death lets the other replicas go on meanwhile. But a socket may learn of a
        death later than the supervisor, and what it sent to the dead process in between is lost.
        """
        for process in self._processes:
            if process.replay_due and process.is_up and process.is_ready(self._ledger):
                process.replay_due = False
                self._requests.request_replay()

    def _give_up(
        self, process: ManagedProcess, exit_code: int, why: str = "its process gave up"
    ) -> None:
        """A camera may be lost alone; the line does not work without a stage."""
        process.ended = True
        self.exit_code = self.exit_code or exit_code
        camera = process.spec.camera
        if camera is None or (self._run.limits.on_lost == "exit" and self._matters(process)):
            self._over = True
        if camera is not None:
            self._ledger.camera_writer(camera).set_state(CameraState.LOST, why)
            logger.error("{}: this camera is lost", self._roster[camera])

    def _matters(self, process: ManagedProcess) -> bool:
        """Not if its camera was added to a line that runs, and has never given a frame."""
        camera = process.spec.camera
        assert camera is not None, f"{process.spec.name} has no camera"
        last = self._ledger.counts(camera, process.spec.index).last_frame_id
        return not process.came_later or last >= self._ledger.camera(camera).first_frame
