"""The run's books, in shared memory: what every process did, lost and when, for each camera.

Every row has one writer and counters only grow, so the books stay right when a process is killed,
a restarted one goes on where its predecessor stopped, and anybody may read them at any time. Drops
travel this way too: publish reports the difference between two looks at the books.
"""

import enum
import math
import mmap
import os
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pipeline.errors import LineError
from pipeline.memory.counters import COUNTS, FrameCounters
from pipeline.memory.frame_ref import NO_FRAME

StateName = Literal["connecting", "live", "stalled", "lost", "ended"]

_WHY_BYTES = 200
FILE_NAME = "ledger"


class DropReason(enum.IntEnum):
    """Why a captured frame will have no result, or its result no place in a recording."""

    NEWEST_WINS = 0  # a newer frame of the same live camera took its place in a queue
    RING_FULL = 1  # every slot was in use when a live camera delivered
    ABANDONED = 2  # under way when a live camera was lost or its process killed
    NOT_RECORDED = 3  # published, but a recorder was too slow for it

    @property
    def label(self) -> str:
        return self.name.lower()


LOSSES = (DropReason.NEWEST_WINS, DropReason.RING_FULL, DropReason.ABANDONED)


class CameraState(enum.IntEnum):
    """A camera is absent until proven otherwise."""

    CONNECTING = 0
    LIVE = 1
    STALLED = 2
    LOST = 3
    ENDED = 4

    @property
    def label(self) -> StateName:
        return _STATE_NAMES[self]


_STATE_NAMES: tuple[StateName, ...] = ("connecting", "live", "stalled", "lost", "ended")


# One row per (camera, process): written by that process alone.
_ROW = np.dtype([*((name, np.int64) for name in COUNTS), ("drops", np.int64, len(DropReason))])

# One row per camera: written by its capture process, but for `replay`, the supervisor's. While no
# capture process lives, the supervisor speaks for it.
_CAMERA = np.dtype(
    [
        ("state", np.int64),
        ("since_unix_ns", np.int64),
        ("epoch", np.int64),
        ("width", np.int64),
        ("height", np.int64),
        ("why", f"S{_WHY_BYTES}"),
        ("replay", np.int64),
    ]
)

# One row per process: written by that process alone.
VITAL_SIGNS = (
    "pid",
    "ready_ns",
    "due_ns",  # hung if silent beyond this
    "held_camera",
    "held_frame",  # in hand
)
_PROCESS = np.dtype([(name, np.int64) for name in (*VITAL_SIGNS, "gave_up")])

# One row per camera, written by the supervisor: a frame, and the stage that is to leave it alone.
_SKIP = np.dtype([("frame", np.int64), ("column", np.int64)])

# Age histogram, written by publish: bucket i holds ages up to 2 ** (i / 4) * 0.1 ms, so a
# percentile is known to within 19 % from 0.1 ms to 100 minutes.
_AGE_BUCKETS = 104
_AGE_FLOOR_MS = 0.1
_AGE_STEPS_PER_DOUBLING = 4


class Ledger:
    """The mapped books of one run."""

    def __init__(self, memory: mmap.mmap, cameras: int, processes: int) -> None:
        self._memory = memory
        self._offset = 0
        self.rows = self._take(_ROW, (cameras, processes))
        self.cameras = self._take(_CAMERA, (cameras,))
        self.processes = self._take(_PROCESS, (processes,))
        self._skips = self._take(_SKIP, (cameras,)).view(np.int64).data
        self.ages = self._take(np.dtype(np.uint64), (cameras, _AGE_BUCKETS))
        self._reported = self._take(np.dtype(np.int64), (cameras, len(DropReason)))
        self._drops = self.rows["drops"]
        self._replays = self.cameras["replay"].data
        self._age_words = self.ages.reshape(-1).data

    @classmethod
    def create(cls, run_dir: Path, cameras: int, processes: int) -> "Ledger":
        size = cameras * processes * _ROW.itemsize + cameras * _CAMERA.itemsize
        size += processes * _PROCESS.itemsize + cameras * _SKIP.itemsize
        size += cameras * (_AGE_BUCKETS + len(DropReason)) * 8
        fd = os.open(run_dir / FILE_NAME, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(fd, 0, size)
        except OSError as error:
            raise LineError(f"{run_dir / FILE_NAME}: {size} bytes: {error.strerror}") from None
        finally:
            os.close(fd)
        ledger = cls.attach(run_dir, cameras, processes)
        ledger.rows["last_frame_id"] = NO_FRAME
        ledger.processes["held_frame"] = NO_FRAME
        for camera in range(cameras):
            ledger.skip_frame(camera, 0, NO_FRAME)
        ledger.cameras["since_unix_ns"] = time.time_ns()
        return ledger

    @classmethod
    def attach(cls, run_dir: Path, cameras: int, processes: int) -> "Ledger":
        fd = os.open(run_dir / FILE_NAME, os.O_RDWR | os.O_CLOEXEC)
        try:
            memory = mmap.mmap(fd, 0)
        finally:
            os.close(fd)
        return cls(memory, cameras, processes)

    def set_state(self, camera: int, state: CameraState, why: str = "") -> None:
        """Say what has become of a camera; `since` moves only when the state changes."""
        row = self.cameras[camera]
        row["why"] = why.encode()[:_WHY_BYTES]
        if row["state"] != state:
            row["state"] = state
            row["since_unix_ns"] = time.time_ns()

    def state(self, camera: int) -> tuple[CameraState, int, str]:
        """(state, since_unix_ns, why) of a camera."""
        row = self.cameras[camera]
        why = bytes(row["why"]).decode(errors="replace")
        return CameraState(int(row["state"])), int(row["since_unix_ns"]), why

    def request_replay(self) -> None:
        """Ask every capture process to send its unfinished frames again."""
        self.cameras["replay"] += 1

    def replays(self, camera: int) -> int:
        """How often that was asked."""
        return int(self._replays[camera])

    def tally(self, camera: int, process: int) -> FrameCounters:
        """The counts of a row, for the process that writes it."""
        return FrameCounters(self.rows[camera, process : process + 1].view(np.int64).data)

    def vital_signs(self, process: int) -> memoryview:
        """A process's row as words, in the order of `VITAL_SIGNS`: written at each frame, and in a
        tenth of the time that a row of a structured array takes.
        """
        return self.processes[process : process + 1].view(np.int64).data

    def held_frame(self, process: int) -> tuple[int, int] | None:
        """(camera, frame_id) of what a process has, or had at its death, in hand."""
        row = self.processes[process]
        frame_id = int(row["held_frame"])
        return None if frame_id == NO_FRAME else (int(row["held_camera"]), frame_id)

    def take_held_frame(self, process: int) -> tuple[int, int] | None:
        """The same of a dead process, whose successor begins with empty hands."""
        held = self.held_frame(process)
        self.processes["held_frame"][process] = NO_FRAME
        return held

    def skip_frame(self, camera: int, column: int, frame_id: int) -> None:
        """Have a stage hand this frame on without a look at it."""
        self._skips[2 * camera + 1] = column
        self._skips[2 * camera] = frame_id

    def is_skipped(self, camera: int, column: int, frame_id: int) -> bool:
        return self._skips[2 * camera] == frame_id and self._skips[2 * camera + 1] == column

    def give_up(self, process: int) -> None:
        """Say that a process has ended its work for the rest of the run, its successors' too."""
        self.processes["gave_up"][process] = True

    def has_given_up(self, process: int) -> bool:
        return bool(self.processes["gave_up"][process])

    def count_drop(self, camera: int, process: int, reason: DropReason) -> None:
        self._drops[camera, process, reason] += 1

    def has_result(self, camera: int, publisher: int | None, frame_id: int) -> bool:
        """Whether the frame, or an older copy of it, is published or is being published just now.

        The publisher takes the frames of a camera in order.
        """
        if publisher is None:
            return False
        finished = frame_id <= int(self.rows["last_frame_id"][camera, publisher])
        return finished or self.held_frame(publisher) == (camera, frame_id)

    def drops(self, camera: int) -> dict[str, int]:
        """Frames of a camera that have no result, by reason, over all processes so far."""
        totals = self._drops_by_reason(camera)
        return {reason.label: totals[reason] for reason in LOSSES}

    def take_new_drops(self, camera: int) -> dict[str, int]:
        """Losses that no message has told of yet; publish alone asks, and tells.

        What was told is in the books too: a restarted publish goes on where the killed one was.
        """
        totals, reported = self._drops_by_reason(camera), self._reported[camera].tolist()
        if totals == reported:
            return {}
        self._reported[camera] = totals
        new = {reason: totals[reason] - reported[reason] for reason in LOSSES}
        return {reason.label: count for reason, count in new.items() if count}

    def count_age(self, camera: int, age_ms: float) -> None:
        ratio = max(age_ms / _AGE_FLOOR_MS, 1.0)
        bucket = math.ceil(math.log2(ratio) * _AGE_STEPS_PER_DOUBLING)
        self._age_words[camera * _AGE_BUCKETS + min(bucket, _AGE_BUCKETS - 1)] += 1

    def _drops_by_reason(self, camera: int) -> list[int]:
        # Some thirty numbers: as plain lists they take half the time of array operations.
        return [sum(counts) for counts in zip(*self._drops[camera].tolist(), strict=True)]

    def _take(self, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        count = int(np.prod(shape))
        array = np.frombuffer(self._memory, dtype, count, self._offset).reshape(shape)
        self._offset += array.nbytes
        return array


def age_percentile_ms(counts: npt.NDArray[np.uint64], percent: float) -> float:
    """The age that `percent` of the counted results did not exceed; NaN when there are none."""
    total = int(counts.sum())
    if total == 0:
        return float("nan")
    bucket = int(np.searchsorted(np.cumsum(counts), total * percent / 100.0))
    return float(_AGE_FLOOR_MS * 2 ** (bucket / _AGE_STEPS_PER_DOUBLING))
