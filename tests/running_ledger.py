"""The ledger of a line that runs, read by the names of its processes and cameras."""

from collections.abc import Sequence
from pathlib import Path

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
        return self._frames(camera, _CAPTURE + camera)

    def results(self, camera: str = "cam0") -> int:
        return self._frames(camera, "publish")

    def losses(self, camera: str = "cam0") -> int:
        """Frames without a result."""
        return sum(self._ledger.drops(self._cameras.index(camera)).values())

    def unrecorded(self, camera: str = "cam0") -> int:
        """Results for which a recorder was too slow."""
        row = self._ledger.rows[self._cameras.index(camera), self._processes.index("publish")]
        return int(row["drops"][DropReason.NOT_RECORDED])

    def are_ready(self) -> bool:
        """Whether each process has been set up once."""
        return bool((self._ledger.processes["ready_ns"] > 0).all())

    def _frames(self, camera: str, process: str) -> int:
        row = self._ledger.rows[self._cameras.index(camera), self._processes.index(process)]
        return int(row["frames"])
