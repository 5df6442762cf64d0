"""Who must be started again although it lives: hung, too big, or without progress.

Three questions, from the surest to the widest. Has a process been silent for longer than it said
it would be (`pipeline.memory.heartbeat`)? Does it hold more memory than it may? And does a frame
wait for a stage whose living processes have finished nothing for too long: is a link dead?
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.memory.ledger import LedgerReader
from pipeline.processes.backlog import Backlog
from pipeline.processes.managed_process import ManagedProcess
from pipeline.realtime import monotonic_ns
from pipeline.topology import RunSpec

_NS_PER_S = 1_000_000_000
_KB_PER_MB = 1024
_SURVEY_S = 0.5  # memory and rings are looked at this often, vital signs at every tick
_ABSENCE_S = 2.0  # a supervisor that was away for longer was stopped itself, and others with it
_LINK_FACTOR = 2  # the stage itself is to notice first


class Verdict(NamedTuple):
    """A process to be killed, and why."""

    child: ManagedProcess
    why: str


class Watchdog:
    """Judges the processes of one run; kills nobody itself."""

    def __init__(self, run: RunSpec, ledger: LedgerReader) -> None:
        self._limits = run.limits
        self._cameras = run.cameras
        self._ledger = ledger
        self._backlog = Backlog(run, ledger)
        self._last_look_ns = self._last_survey_ns = monotonic_ns()
        self._pardon_ns = 0  # until then nobody is judged

    def look(self, children: Sequence[ManagedProcess]) -> list[Verdict]:
        now_ns = monotonic_ns()
        if now_ns - self._last_look_ns > _ABSENCE_S * _NS_PER_S:
            self._pardon_ns = now_ns + int(self._limits.frame_s * _NS_PER_S)
        self._last_look_ns = now_ns
        if now_ns < self._pardon_ns:
            return []
        up = [child for child in children if child.is_up and not child.doom]
        verdicts = list(self._silent(up, now_ns))
        if now_ns - self._last_survey_ns > _SURVEY_S * _NS_PER_S:
            self._last_survey_ns = now_ns
            # Whoever waits for a silent one is not to blame.
            verdicts += self._too_big(up) if verdicts else [*self._too_big(up), *self._stuck(up)]
        return verdicts

    def _silent(self, up: Sequence[ManagedProcess], now_ns: int) -> Iterator[Verdict]:
        for child in up:
            if not child.is_ready(self._ledger):
                if now_ns / _NS_PER_S - child.started_s > self._limits.start_s:
                    yield Verdict(child, f"was not ready after {self._limits.start_s:g} s")
            elif now_ns > self._ledger.process(child.spec.index).due_ns:
                yield Verdict(child, f"hung{self._describe_hand(child)}")

    def _describe_hand(self, child: ManagedProcess) -> str:
        held = self._ledger.process(child.spec.index).held_frame
        return f" at frame {held[1]} of {self._cameras[held[0]]}" if held is not None else ""

    def _too_big(self, up: Sequence[ManagedProcess]) -> Iterator[Verdict]:
        limit = self._limits.memory_mb
        for child in up:
            used = child.process.taken_kb() // _KB_PER_MB
            if used > limit:
                yield Verdict(child, f"held {used} MB of memory, its limit is {limit} MB")

    def _stuck(self, up: Sequence[ManagedProcess]) -> Iterator[Verdict]:
        now_ns = monotonic_ns()
        limit_ns = int(self._limits.frame_s * _NS_PER_S) * _LINK_FACTOR
        judged = set[str]()
        for wait in self._backlog.waits():
            processes = [child for child in up if child.spec.stage == wait.stage]
            lively = max([wait.since_ns, *(self._last_sign_ns(child) for child in processes)])
            if now_ns - lively <= limit_ns or wait.stage in judged:
                continue
            judged.add(wait.stage)
            waited_s = (now_ns - wait.since_ns) / _NS_PER_S
            what = f"frame {wait.frame_id} of {self._cameras[wait.camera]}"
            why = f"finished nothing while {what} waited for {waited_s:.0f} s"
            yield from (Verdict(child, why) for child in processes)

    def _last_sign_ns(self, child: ManagedProcess) -> int:
        """When it last finished a frame or became ready."""
        ready_ns = self._ledger.process(child.spec.index).ready_ns
        progress_ns = self._ledger.progress_ns(child.spec.index)
        return max(ready_ns, progress_ns, int(child.started_s * _NS_PER_S))
