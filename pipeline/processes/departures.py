"""Takes cameras out of a line that runs, step by step; no other camera waits for it.

1. The capture process is asked to end. It waits until its frames are through, and sends them again
   if a stage dies meanwhile. What does not move any more is counted as a drop.
2. The stages are told that no more frames come. They end what goes on from frame to frame: tracks.
3. When all have done so, they are told that the camera is gone. They tell the last of it, and
   forget it.
4. When all have done so, nothing of it is left, and it may come back.

Each step is a new revision of the run. A process that dies is followed by one that begins with it,
so whoever dies in between, the next step comes.
"""

import enum
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from pipeline.errors import LineError
from pipeline.logger import logger
from pipeline.memory.cameras import CameraState
from pipeline.memory.ledger import Ledger
from pipeline.memory.packet_layout import packets_path
from pipeline.memory.roster import Roster
from pipeline.memory.run_dir import ending_path
from pipeline.processes.leftovers import Leftover, Leftovers
from pipeline.processes.line_up import LineUp
from pipeline.processes.managed_process import ManagedProcess
from pipeline.processes.reconfiguration import Reconfiguration
from pipeline.topology import RunSpec

_STOP_S = 1.0  # a read from a dead camera cannot be interrupted: it is killed after this


class _Step(enum.Enum):
    NONE = enum.auto()  # no camera leaves
    STOPPING = enum.auto()
    ENDING = enum.auto()
    FORGETTING = enum.auto()


class Departures:
    """The cameras of one change that leave, all at once.

    Args:
        announce: gives the processes another run.
    """

    def __init__(
        self,
        roster: Roster,
        ledger: Ledger,
        reconfiguration: Reconfiguration,
        announce: Callable[[RunSpec], None],
    ) -> None:
        self._roster, self._ledger = roster, ledger
        self._writer = ledger.supervisor_writer()
        self._leftovers = Leftovers(roster, ledger)
        self._reconfiguration, self._announce = reconfiguration, announce
        self._step = _Step.NONE
        self._failed = ""  # why a step cannot be taken now

    @property
    def are_under_way(self) -> bool:
        return self._step is not _Step.NONE

    def begin(self, line_up: LineUp, captures: list[ManagedProcess]) -> None:
        """Have the cameras of these capture processes leave."""
        self._line_up = line_up
        self._captures = [_Leaving(each, self._roster.run.limits.frame_s) for each in captures]
        self._step = _Step.STOPPING
        for capture in self._captures:
            self._writer.set_leaving(capture.camera, leaving=True)
            capture.process.leave()

    def look(self) -> bool:
        """Take the next step when it is time; returns whether the cameras are gone now."""
        if not self.are_under_way:
            return False
        try:
            return self._take_step()
        except LineError as error:  # no room for the run; there may be some soon
            if str(error) != self._failed:
                logger.error("{}", error)
            self._failed = str(error)
            return False

    def _take_step(self) -> bool:
        run, cameras = self._roster.run, self._line_up.leaving
        if self._step is _Step.STOPPING and self._have_stopped():
            self._next_run(run, ending=cameras)
            self._step = _Step.ENDING
        elif self._step is _Step.ENDING and self._reconfiguration.is_taken():
            for camera in cameras:  # the last that is told of it, after its events
                self._say_why(camera)
            self._next_run(run, ending=(), gone=(*run.gone, *cameras))
            self._step = _Step.FORGETTING
        elif self._step is _Step.FORGETTING and self._reconfiguration.is_taken():
            for camera in cameras:
                for path in (ending_path, packets_path):
                    path(Path(run.run_dir), camera).unlink(missing_ok=True)
                self._writer.set_leaving(camera, leaving=False)
            self._step = _Step.NONE
            return True
        return False

    def _have_stopped(self) -> bool:
        """Whether no frame of the cameras is under way, nor will be."""
        stopping = [c for c in self._captures if not c.is_through]
        for capture in stopping:
            if capture.look(self._leftovers.of_camera(capture.camera)):
                self._leftovers.give_up(capture.camera)
        return all(capture.is_through for capture in self._captures)

    def _say_why(self, camera: int) -> None:
        """The state has no other writer now."""
        comes_back = camera in self._line_up.present
        state = CameraState.CONNECTING if comes_back else CameraState.ENDED
        why = "its configuration has changed" if comes_back else "removed from the configuration"
        self._ledger.camera_writer(camera).set_state(state, why)

    def _next_run(self, run: RunSpec, **changes: tuple[int, ...]) -> None:
        self._announce(msgspec.structs.replace(run, revision=run.revision + 1, **changes))


class _Leaving:
    """A capture process that was asked to end, and its frames under way."""

    def __init__(self, process: ManagedProcess, patience_s: float) -> None:
        assert process.spec.camera is not None, f"{process.spec.name} has no camera"
        self.process, self.camera = process, process.spec.camera
        self.is_through = False
        self._patience_s = patience_s
        self._left: list[Leftover] = []
        self._began_s = self._changed_s = time.monotonic()

    def look(self, left: list[Leftover]) -> bool:
        """Returns whether the process has ended and no frame moves."""
        now_s = time.monotonic()
        if left != self._left:
            self._left, self._changed_s = left, now_s
        moves = bool(left) and now_s - self._changed_s < self._patience_s
        if not self.process.ended:
            if not moves and now_s - self._began_s > _STOP_S:
                self.process.kill("did not end")
        elif not moves:
            self.is_through = True
        return self.is_through
