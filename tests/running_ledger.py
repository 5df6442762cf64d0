"""The ledger of a line that runs, read by the names of its processes and cameras."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.memory.counters import NEVER_CAPTURED, DropReason, FrameCounts
from pipeline.memory.ledger import LedgerReader

_CAPTURE = "capture."


class RunningLedger:
    """What each process has counted so far."""

    def __init__(self, run_dir: Path, processes: Sequence[str]) -> None:
        self._processes = tuple(processes)
        names = [name.removeprefix(_CAPTURE) for name in processes if name.startswith(_CAPTURE)]
        self._cameras = tuple(names)
        self._ledger = LedgerReader.attach(run_dir)

    def counts(self, process: str, camera: str = "cam0") -> FrameCounts:
        """What a process did with the frames of a camera."""
        return self._ledger.counts(self._cameras.index(camera), self._processes.index(process))

    def captured(self, camera: str = "cam0") -> int:
        return self.counts(_CAPTURE + camera, camera).frames

    def came(self, camera: str = "cam0") -> int:
        """All frames that a camera gave, those too for which there was no room."""
        drops = self._ledger.drops(self._cameras.index(camera))
        return self.captured(camera) + sum(drops.values())

    def results(self, camera: str = "cam0") -> int:
        return self.counts("publish", camera).frames

    def losses(self, camera: str = "cam0") -> int:
        """Captured frames without a result."""
        drops = self._ledger.drops(self._cameras.index(camera))
        never = {reason.label for reason in NEVER_CAPTURED}
        return sum(count for reason, count in drops.items() if reason not in never)

    def unrecorded(self, camera: str = "cam0") -> int:
        """Results for which a recorder was too slow."""
        return self.counts("publish", camera).drops(DropReason.NOT_RECORDED)

    def epoch(self, camera: str) -> int:
        return self._ledger.camera(self._cameras.index(camera)).epoch

    def starts(self, process: str) -> int:
        return self._ledger.process(self._processes.index(process)).starts

    def ready_ns(self) -> dict[str, int]:
        """By process, when it was set up; 0 before."""
        entries = ((name, self._ledger.process(i)) for i, name in enumerate(self._processes))
        return {name: entry.ready_ns for name, entry in entries}

    def are_ready(self) -> bool:
        """Whether each process has been set up."""
        return all(self.ready_ns().values())
