"""Finds processes that must be restarted although they are alive: hung, too big, or stuck.

Three checks, from the surest to the widest. A process is hung when it has been silent for longer
than it announced (`pipeline.memory.heartbeat`). It is too big when it holds more memory than it
may. It is stuck when a frame waits for a stage, and no process of that stage has finished anything
for too long: its link is dead.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.memory.ledger import LedgerReader
from pipeline.memory.roster import Roster
from pipeline.processes.backlog import Backlog
from pipeline.processes.managed_process import ManagedProcess
from pipeline.realtime import monotonic_ns

_NS_PER_S = 1_000_000_000
_KB_PER_MB = 1024
_SURVEY_S = 0.5  # memory and rings are checked this often, heartbeats at every tick
_ABSENCE_S = 2.0  # a supervisor that was away for longer was stopped itself, and others with it
_LINK_FACTOR = 2  # the stage itself is to notice first


class Verdict(NamedTuple):
    """A process to be killed, and why."""

    process: ManagedProcess
    reason: str


class Watchdog:
    """Checks the processes of one run; the supervisor kills them."""

    def __init__(self, roster: Roster, ledger: LedgerReader) -> None:
        self._limits = roster.run.limits
        self._cameras = roster
        self._ledger = ledger
        self._backlog = Backlog(roster, ledger)
        self._last_look_ns = self._last_survey_ns = monotonic_ns()
        self._pardon_ns = 0  # until then no process is checked

    def look(self, processes: Sequence[ManagedProcess]) -> list[Verdict]:
        now_ns = monotonic_ns()
        if now_ns - self._last_look_ns > _ABSENCE_S * _NS_PER_S:
            self._pardon_ns = now_ns + int(self._limits.frame_s * _NS_PER_S)
        self._last_look_ns = now_ns
        if now_ns < self._pardon_ns:
            return []
        up = [process for process in processes if process.is_up and not process.kill_reason]
        verdicts = list(self._silent(up, now_ns))
        if now_ns - self._last_survey_ns > _SURVEY_S * _NS_PER_S:
            self._last_survey_ns = now_ns
            hung = any(not verdict.process.spec.is_service for verdict in verdicts)
            verdicts += self._too_big(up)
            if not hung:  # a stage may be stuck because it waits for one that is hung
                verdicts += self._stuck(up)
        return verdicts

    def _silent(self, up: Sequence[ManagedProcess], now_ns: int) -> Iterator[Verdict]:
        for process in up:
            if not process.is_ready(self._ledger):
                if now_ns / _NS_PER_S - process.started_s > self._limits.start_s:
                    yield Verdict(process, f"was not ready after {self._limits.start_s:g} s")
            elif now_ns > self._ledger.process(process.spec.index).due_ns:
                yield Verdict(process, f"hung{self._describe_hand(process)}")

    def _describe_hand(self, process: ManagedProcess) -> str:
        held = self._ledger.process(process.spec.index).held_frame
        return f" at frame {held[1]} of {self._cameras[held[0]]}" if held is not None else ""

    def _too_big(self, up: Sequence[ManagedProcess]) -> Iterator[Verdict]:
        limit = self._limits.memory_mb
        for process in up:
            used = process.current.taken_kb() // _KB_PER_MB
            if used > limit:
                yield Verdict(process, f"held {used} MB of memory, its limit is {limit} MB")

    def _stuck(self, up: Sequence[ManagedProcess]) -> Iterator[Verdict]:
        now_ns = monotonic_ns()
        limit_ns = int(self._limits.frame_s * _NS_PER_S) * _LINK_FACTOR
        checked = set[str]()
        for wait in self._backlog.waits():
            processes = [process for process in up if process.spec.stage == wait.stage]
            alive_ns = max([wait.since_ns, *(self._last_sign_ns(process) for process in processes)])
            if now_ns - alive_ns <= limit_ns or wait.stage in checked:
                continue
            checked.add(wait.stage)
            waited_s = (now_ns - wait.since_ns) / _NS_PER_S
            frame = f"frame {wait.frame_id} of {self._cameras[wait.camera]}"
            reason = f"finished nothing while {frame} waited for {waited_s:.0f} s"
            yield from (Verdict(process, reason) for process in processes)

    def _last_sign_ns(self, process: ManagedProcess) -> int:
        """When it last finished a frame or became ready."""
        ready_ns = self._ledger.process(process.spec.index).ready_ns
        progress_ns = self._ledger.progress_ns(process.spec.index)
        return max(ready_ns, progress_ns, int(process.started_s * _NS_PER_S))
