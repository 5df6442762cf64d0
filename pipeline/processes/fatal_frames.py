"""Frames that kill the stage that works on them."""

import signal

from pipeline.logger import logger
from pipeline.memory.roster import Roster
from pipeline.memory.writers import SupervisorWriter
from pipeline.processes.managed_process import ManagedProcess

_FATAL_TIMES = 2  # a frame that was in hand at so many deaths in a row is not tried again


class FatalFrames:
    """Counts deaths by the frame in hand, and has a stage skip a frame that two died on."""

    def __init__(self, roster: Roster, ledger: SupervisorWriter) -> None:
        self._roster = roster
        self._ledger = ledger
        self._deaths: dict[str, tuple[tuple[int, int], int]] = {}  # by stage: frame, deaths

    def take_held_frame(self, process: ManagedProcess, code: int) -> None:
        """Blame the frame in hand for a death, unless the process was killed from outside."""
        held = self._ledger.take_held_frame(process.spec.index)
        stage = process.spec.stage
        if held is None or (code == -signal.SIGKILL and not process.kill_reason):
            return
        frame, times = self._deaths.get(stage, (held, 0))
        times = times + 1 if frame == held else 1
        self._deaths[stage] = held, times
        if times >= _FATAL_TIMES:
            camera, frame_id = held
            self._ledger.skip_frame(camera, self._roster.run.topology.names.index(stage), frame_id)
            logger.error("{} frame {}: {} died {} times on it: it is skipped",
                         self._roster[camera], frame_id, stage, times)  # fmt: skip
