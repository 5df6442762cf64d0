"""The ledger of a line that runs, read by the names of its processes and cameras."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.memory.ledger import DropReason, Ledger

_CAPTURE = "capture."


class RunningLedger:
    """What each process has counted so far."""

    def __init__(self, run_dir: Path, processes: Sequence[str]) -> None:
        self._processes = tuple(processes)
        names = [name.removeprefix(_CAPTURE) for name in processes if name.startswith(_CAPTURE)]
        self._cameras = tuple(names)
        self._ledger = Ledger.attach(run_dir, len(names), len(processes))

    def captured(self, camera: str = "cam0") -> int:
        return self.frames(_CAPTURE + camera, camera)

    def results(self, camera: str = "cam0") -> int:
        return self.frames("publish", camera)

    def last_frame(self, process: str, camera: str = "cam0") -> int:
        """The newest frame that a process is done with; below 0 before the first."""
        return int(self._row(process, camera)["last_frame_id"])

    def busy_ns(self, process: str, camera: str = "cam0") -> int:
        """Time spent on frames."""
        return int(self._row(process, camera)["busy_ns"])

    def frames(self, process: str, camera: str = "cam0") -> int:
        return int(self._row(process, camera)["frames"])

    def losses(self, camera: str = "cam0") -> int:
        """Frames without a result."""
        return sum(self._ledger.drops(self._cameras.index(camera)).values())

    def unrecorded(self, camera: str = "cam0") -> int:
        """Results for which a recorder was too slow."""
        return int(self._row("publish", camera)["drops"][DropReason.NOT_RECORDED])

    def epoch(self, camera: str) -> int:
        return int(self._ledger.cameras["epoch"][self._cameras.index(camera)])

    def ready_ns(self) -> dict[str, int]:
        """By process, when it was set up; 0 before."""
        moments = self._ledger.processes["ready_ns"].tolist()
        return dict(zip(self._processes, moments, strict=True))

    def are_ready(self) -> bool:
        """Whether each process has been set up."""
        return all(self.ready_ns().values())

    def _row(self, process: str, camera: str) -> np.void:
        row: np.void = self._ledger.rows[
            self._cameras.index(camera), self._processes.index(process)
        ]
        return row
