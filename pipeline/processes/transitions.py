"""Brings another line-up into force: options at once, and cameras that come or leave."""

from collections.abc import Callable, Sequence

import msgspec

from pipeline.errors import LineChanging, LineError
from pipeline.logger import logger
from pipeline.memory.ledger import Ledger
from pipeline.memory.roster import Roster
from pipeline.processes.departures import Departures
from pipeline.processes.line_up import LineUp
from pipeline.processes.managed_process import ManagedProcess
from pipeline.processes.reconfiguration import Reconfiguration
from pipeline.topology import ProcessSpec, RunSpec


class Transitions:
    """From one line-up to the next.

    Args:
        processes: of the run, by index; those of cameras that come are put in.
        make: starts a process of a camera that comes while the line runs.
    """

    def __init__(
        self,
        roster: Roster,
        ledger: Ledger,
        processes: list[ManagedProcess],
        make: Callable[[ProcessSpec], ManagedProcess],
    ) -> None:
        self._roster, self._ledger = roster, ledger
        self._processes, self._make = processes, make
        self._reconfiguration = Reconfiguration(roster, ledger)
        self._departures = Departures(roster, ledger, self._reconfiguration, self._announce)

    @property
    def are_under_way(self) -> bool:
        """Whether cameras are on their way out of the line; nothing else may change meanwhile."""
        return self._departures.are_under_way

    def begin(self, line_up: LineUp) -> None:
        """Tell the processes what is new, start what has come, and have leave who is to leave.

        Raises:
            LineChanging: cameras are on their way out of the line.
            LineError: there is no room; then nothing has changed.
        """
        if self.are_under_way:
            raise LineChanging(
                "cameras are still on their way out of the line: try again in a moment"
            )
        if len(line_up.cameras) > self._ledger.camera_count:
            raise LineError(
                f"limits.cameras: expected at most {self._ledger.camera_count} different cameras "
                f"in a run, with those that were removed, got {len(line_up.cameras)}: use a name "
                "again, or start the line again"
            )
        self._line_up = line_up
        self._go_on(
            cameras=line_up.cameras,
            processes=line_up.meanwhile or line_up.processes,
            gone=tuple(c for c in line_up.absent if c not in line_up.leaving),
        )
        if line_up.leaving:
            captures = [p for p in self._processes if p.spec.camera in line_up.leaving]
            self._departures.begin(line_up, captures)

    def look(self) -> None:
        """Take the next step when it is time."""
        self._reconfiguration.look()
        if self._departures.look():
            line_up = self._line_up
            self._go_on(processes=line_up.processes, gone=line_up.absent)
            for camera in line_up.leaving:
                done = "starts again" if camera in line_up.present else "is removed"
                logger.info("configuration: {} {}", self._roster[camera], done)

    def _go_on(self, **changes: object) -> None:
        """Announce the next run, and start the cameras that are in it and were not before.

        A frame comes after the announcement, so a stage that does not know its camera looks.
        """
        before = self._roster.run
        run = msgspec.structs.replace(before, revision=before.revision + 1, **changes)
        self._announce(run)
        for camera in run.present:
            if camera not in before.present:
                self._start(camera, run.processes)

    def _start(self, camera: int, processes: Sequence[ProcessSpec]) -> None:
        spec = next(process for process in processes if process.camera == camera)
        last_frame_id = self._ledger.counts(camera, spec.index).last_frame_id
        self._ledger.camera_writer(camera).begin_stay(last_frame_id + 1)
        self._processes[spec.index : spec.index + 1] = [self._make(spec)]

    def _announce(self, run: RunSpec) -> None:
        """Raises LineError: there is no room for it; then nothing has changed."""
        self._reconfiguration.begin(run)
        for process in self._processes:
            process.reconfigure(run)
