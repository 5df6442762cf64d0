"""What a service may read of the ledger: plain values, of memory that is mapped read-only."""

import mmap
import os
from pathlib import Path
from typing import NamedTuple

from pipeline.memory.ledger import FILE_NAME, Ledger, StateName
from pipeline.topology import RunSpec


class CameraReading(NamedTuple):
    """One camera now."""

    name: str
    state: StateName
    since_unix_ns: int  # of the state
    why: str
    epoch: int
    width: int
    height: int
    captured: int  # frames so far, as are the next three
    published: int
    errors: int  # published as failed
    drops: dict[str, int]  # by reason


class ProcessReading(NamedTuple):
    """One process now."""

    name: str
    core: int
    pid: int  # 0 before its first start
    frames: int  # finished so far, by it and its predecessors
    busy_ns: int  # spent on them


class LedgerView:
    """Reads the ledger of a run; a write through it is an error of Python's."""

    def __init__(self, run: RunSpec) -> None:
        self._run = run
        memory = _map_read_only(Path(run.run_dir) / FILE_NAME)
        self._ledger = Ledger(memory, len(run.cameras), len(run.processes))
        self._sources = [process.index for process in run.processes if process.is_source]

    def cameras(self) -> list[CameraReading]:
        return [self._read_camera(camera) for camera in range(len(self._run.cameras))]

    def processes(self) -> list[ProcessReading]:
        """Of all stages and services."""
        rows, pids = self._ledger.rows, self._ledger.processes["pid"]
        return [
            ProcessReading(
                name=process.name,
                core=process.core,
                pid=int(pids[process.index]),
                frames=int(rows["frames"][:, process.index].sum()),
                busy_ns=int(rows["busy_ns"][:, process.index].sum()),
            )
            for process in self._run.processes
        ]

    def _read_camera(self, camera: int) -> CameraReading:
        state, since_unix_ns, why = self._ledger.state(camera)
        row, counts = self._ledger.cameras[camera], self._ledger.rows[camera]
        publisher = self._run.publisher
        return CameraReading(
            name=self._run.cameras[camera],
            state=state.label,
            since_unix_ns=since_unix_ns,
            why=why,
            epoch=int(row["epoch"]),
            width=int(row["width"]),
            height=int(row["height"]),
            captured=int(counts["frames"][self._sources].sum()),
            published=0 if publisher is None else int(counts["frames"][publisher]),
            errors=0 if publisher is None else int(counts["errors"][publisher]),
            drops=self._ledger.drops(camera),
        )


def _map_read_only(path: Path) -> mmap.mmap:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
    finally:
        os.close(fd)
