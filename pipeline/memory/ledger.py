"""The ledger of a run, in shared memory: what every process did, dropped and when, per camera.

Every row has one writer and counters only grow. So the ledger stays right when a process is killed,
a restarted process counts on from its predecessor's row, and any process may read at any time.

`LedgerReader` reads everything and can write nothing. `Ledger` hands out one typed writer for each
kind of row; the name of the writer says which process uses it:

    counters(camera, process)    FrameCounters     the process itself
    heartbeat(process)           Heartbeat         the process itself
    camera_writer(camera)        CameraWriter      the camera's capture process
    publish_writer()             PublishWriter     publish
    follow_writer()              FollowWriter      the stage that follows objects
    supervisor_writer()          SupervisorWriter  the supervisor
"""

import mmap
import os
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from pipeline.errors import LineError
from pipeline.memory.ages import AGE_BUCKETS, AgeCounts
from pipeline.memory.cameras import (
    CAMERA_WORDS,
    SINCE_UNIX_NS,
    WHY_BYTES,
    CameraEntry,
    CameraWriter,
)
from pipeline.memory.counters import (
    BUSY_NS,
    FIRST_DROP,
    FRAMES,
    LAST_FRAME_ID,
    LOSSES,
    ROW_WORDS,
    DropReason,
    FrameCounters,
    FrameCounts,
)
from pipeline.memory.frame_ref import NO_FRAME
from pipeline.memory.heartbeat import HEARTBEAT_WORDS, HELD_FRAME, Heartbeat, ProcessEntry
from pipeline.memory.tables import Table, map_tables, total_bytes
from pipeline.memory.times import TIME_BUCKETS, TimeCounts
from pipeline.memory.writers import FollowWriter, PublishWriter, SupervisorWriter

FILE_NAME = "ledger"
_SIZE = struct.Struct("=qq")  # cameras, processes; at the beginning of the file
_REASONS = tuple(reason.label for reason in DropReason)


def ledger_tables(cameras: int, processes: int) -> tuple[Table, ...]:
    """Of a run that may come to have so many of them."""
    return (
        Table("counts", "i8", (cameras, processes, ROW_WORDS)),
        Table("times", "i8", (processes, TIME_BUCKETS)),
        Table("processes", "i8", (processes, len(HEARTBEAT_WORDS))),
        Table("cameras", "i8", (cameras, len(CAMERA_WORDS))),
        Table("why", "u1", (cameras, WHY_BYTES)),
        Table("replays", "i8", (cameras,)),  # how often the supervisor asked for one
        Table("revision", "i8", (1,)),  # of the run that the supervisor has left to be read
        Table("leaving", "i8", (cameras,)),  # whether the supervisor has asked it to end
        Table("skips", "i8", (cameras, 2)),  # a frame, and the column of the stage that skips it
        Table("ages", "i8", (cameras, AGE_BUCKETS)),
        Table("age_sums_us", "i8", (cameras,)),
        Table("followed", "i8", (cameras,)),  # whether something in its frames is followed now
        Table("told_drops", "i8", (cameras, len(DropReason))),  # in messages so far
    )


class LedgerReader:
    """Everything in the ledger of one run, to be read. `attach` maps it without write access.

    It has rows for cameras and processes that do not exist yet: `camera_count` and `process_count`
    say for how many.
    """

    _access = mmap.ACCESS_READ

    def __init__(self, memory: mmap.mmap) -> None:
        self.camera_count, self.process_count = _SIZE.unpack_from(memory)
        layout = ledger_tables(self.camera_count, self.process_count)
        tables = map_tables(memory, layout, _SIZE.size)
        self._counts, self._processes = tables["counts"], tables["processes"]
        self._cameras, self._why = tables["cameras"], tables["why"]
        self._ages, self._age_sums_us = tables["ages"], tables["age_sums_us"]
        self._times = tables["times"]
        self._told_drops = tables["told_drops"]
        self._drops = self._counts[:, :, FIRST_DROP:]
        # Words that are read at every frame: elements of an array take up to twice as long.
        self._replays = tables["replays"].data
        self._revision = tables["revision"].data
        self._leaving = tables["leaving"].data
        self._skips = tables["skips"].reshape(-1).data
        self._followed = tables["followed"].data

    @classmethod
    def attach(cls, run_dir: Path) -> Self:
        flags = os.O_RDONLY if cls._access == mmap.ACCESS_READ else os.O_RDWR
        fd = os.open(run_dir / FILE_NAME, flags | os.O_CLOEXEC)
        try:
            memory = mmap.mmap(fd, 0, access=cls._access)
        finally:
            os.close(fd)
        return cls(memory)

    def counts(self, camera: int, process: int) -> FrameCounts:
        return FrameCounts(self._counts[camera, process].data.toreadonly())

    def process(self, process: int) -> ProcessEntry:
        return ProcessEntry(self._processes[process].data.toreadonly())

    def camera(self, camera: int) -> CameraEntry:
        words, why = self._cameras[camera].data, self._why[camera].data
        return CameraEntry(words.toreadonly(), why.toreadonly())

    def all_counts(self, cameras: Sequence[int], processes: Sequence[int]) -> list[FrameCounts]:
        """Copies of the rows of some cameras, each with the process beside it."""
        return list(map(FrameCounts, self._counts[list(cameras), list(processes)].tolist()))

    def all_processes(self, processes: Sequence[int]) -> list[ProcessEntry]:
        """Copies of the rows of some processes."""
        return list(map(ProcessEntry, self._processes[list(processes)].tolist()))

    def all_cameras(self, cameras: Sequence[int]) -> list[CameraEntry]:
        """Copies of the rows of some cameras."""
        rows = list(cameras)
        whys = self._why[rows].tobytes()
        return [
            CameraEntry(words, whys[place * WHY_BYTES : (place + 1) * WHY_BYTES])
            for place, words in enumerate(self._cameras[rows].tolist())
        ]

    def ages(self, camera: int) -> AgeCounts:
        """How old the results of a camera were so far; see `pipeline.memory.ages`."""
        counts: AgeCounts = self._ages[camera].copy()
        return counts

    def all_ages(self, cameras: Sequence[int]) -> AgeCounts:
        """The same of several cameras, one row for each."""
        counts: AgeCounts = self._ages[list(cameras)]
        return counts

    def all_age_sums_us(self, cameras: Sequence[int]) -> list[int]:
        """The ages of all results of some cameras so far, in sum."""
        sums_us: list[int] = self._age_sums_us[list(cameras)].tolist()
        return sums_us

    def times(self, process: int) -> TimeCounts:
        """How long a process worked on each frame so far; see `pipeline.memory.times`."""
        counts: TimeCounts = self._times[process].copy()
        return counts

    def all_times(self, processes: Sequence[int]) -> TimeCounts:
        """The same of several processes, one row for each."""
        counts: TimeCounts = self._times[list(processes)]
        return counts

    def work(self) -> list[tuple[int, int]]:
        """By process, of all cameras so far: frames that it finished, and time spent on them."""
        totals = self._counts[:, :, FRAMES : BUSY_NS + 1].sum(axis=0)
        return [(row[0], row[-1]) for row in totals.tolist()]

    def replays(self, camera: int) -> int:
        """How often the supervisor asked the capture process to send its frames again."""
        return int(self._replays[camera])

    @property
    def revision(self) -> int:
        """Of what the supervisor has left last; see `pipeline.memory.run_file`."""
        return int(self._revision[0])

    def is_leaving(self, camera: int) -> bool:
        """Whether the camera is to end and the line is not: its frames have all the time."""
        return bool(self._leaving[camera])

    def is_skipped(self, camera: int, column: int, frame_id: int) -> bool:
        """Whether the stage of this column must hand the frame on without processing it."""
        return self._skips[2 * camera] == frame_id and self._skips[2 * camera + 1] == column

    def is_followed(self, camera: int) -> bool:
        """Whether a stage follows something from frame to frame: then none of them is idle."""
        return bool(self._followed[camera])

    def progress_ns(self, process: int) -> int:
        """When a process last finished a frame of any camera (CLOCK_MONOTONIC)."""
        return max(self.counts(camera, process).progress_ns for camera in range(self.camera_count))

    def drops(self, camera: int) -> dict[str, int]:
        """Frames of a camera that have no result, by reason, over all processes so far."""
        totals = self._drops_by_reason(camera)
        return {reason.label: totals[reason] for reason in LOSSES}

    def drops_by_process(self) -> dict[int, dict[int, dict[str, int]]]:
        """Frames that were given up, by camera, process and reason, without zeros."""
        found: dict[int, dict[int, dict[str, int]]] = {}
        drops = self._drops.copy()
        where = np.nonzero(drops)
        for camera, process, reason, frames in zip(
            *(each.tolist() for each in where), drops[where].tolist(), strict=True
        ):
            of_camera = found.setdefault(camera, {})
            of_camera.setdefault(process, {})[_REASONS[reason]] = frames
        return found

    def process_drops(self, process: int) -> dict[str, int]:
        """Frames that a process gave up, by reason, of all cameras so far."""
        totals = self._drops[:, process].sum(axis=0).tolist()
        return {reason.label: totals[reason] for reason in DropReason}

    def _drops_by_reason(self, camera: int) -> list[int]:
        # Some thirty numbers: as plain lists they take half the time of array operations.
        return [sum(counts) for counts in zip(*self._drops[camera].tolist(), strict=True)]


class Ledger(LedgerReader):
    """The ledger, mapped for the processes of the line, which write their own rows."""

    _access = mmap.ACCESS_WRITE

    @classmethod
    def create(cls, run_dir: Path, cameras: int, processes: int) -> Self:
        """`cameras` and `processes` are the most that the run may come to have."""
        size = _SIZE.size + total_bytes(ledger_tables(cameras, processes))
        fd = os.open(run_dir / FILE_NAME, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(fd, 0, size)
            os.pwrite(fd, _SIZE.pack(cameras, processes), 0)
        except OSError as error:
            raise LineError(f"{run_dir / FILE_NAME}: {size} bytes: {error.strerror}") from None
        finally:
            os.close(fd)
        ledger = cls.attach(run_dir)
        ledger._counts[:, :, LAST_FRAME_ID] = NO_FRAME
        ledger._processes[:, HELD_FRAME] = NO_FRAME
        ledger._cameras[:, SINCE_UNIX_NS] = time.time_ns()
        for camera in range(cameras):
            ledger.supervisor_writer().skip_frame(camera, 0, NO_FRAME)
        return ledger

    def counters(self, camera: int, process: int) -> FrameCounters:
        return FrameCounters(self._counts[camera, process].data, self._times[process].data)

    def heartbeat(self, process: int, limit_s: float) -> Heartbeat:
        """`limit_s` is the longest silence between two beats."""
        return Heartbeat(self._processes[process].data, limit_s)

    def camera_writer(self, camera: int) -> CameraWriter:
        return CameraWriter(self._cameras[camera].data, self._why[camera].data)

    def publish_writer(self) -> PublishWriter:
        sums_us = self._age_sums_us.data
        return PublishWriter(self._ages.data, sums_us, self._told_drops, self._drops_by_reason)

    def follow_writer(self) -> FollowWriter:
        return FollowWriter(self._followed)

    def supervisor_writer(self) -> SupervisorWriter:
        return SupervisorWriter(
            self._replays, self._revision, self._leaving, self._skips, self._processes
        )
