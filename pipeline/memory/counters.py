"""What one process did with the frames of one camera: a row of counters in the ledger.

The row is written at every frame, so it is kept as plain words: fields of a structured array take
ten times as long.
"""

import enum
from collections.abc import Sequence

from pipeline.memory.times import time_bucket


class DropReason(enum.IntEnum):
    """Why a frame has no result, or why its result is missing from a recording.

    The last three tell of frames that were never captured, so they have no number.
    """

    NEWEST_WINS = 0  # a newer frame of the same live camera took its place, or overtook it
    RING_FULL = 1  # every slot was in use when a live camera delivered
    ABANDONED = 2  # under way when a live camera was lost or its process killed
    NOT_RECORDED = 3  # published, but a recorder was too slow for it
    UNDECODABLE = 4  # the decoder refused it, or made no picture of it
    DAMAGED = 5  # parts of it were lost, or a frame that it refers to
    BEHIND = 6  # passed over before the decoder, which cannot keep up with a live camera

    @property
    def label(self) -> str:
        return self.name.lower()


# Given up before they were frames: they are in no count of captured ones.
NEVER_CAPTURED = (DropReason.UNDECODABLE, DropReason.DAMAGED, DropReason.BEHIND)
# What messages tell of: everything but a result that is not recorded.
LOSSES = tuple(reason for reason in DropReason if reason is not DropReason.NOT_RECORDED)

# The words of a row, in this order. One word for each `DropReason` follows.
COUNTS = (
    "frames",  # finished
    "errors",  # of these, marked as failed
    "idle",  # of these, marked as idle
    "stale",  # references discarded because their slot had moved on
    "last_frame_id",
    "progress_ns",  # CLOCK_MONOTONIC of the last finished frame
    "busy_ns",  # time spent on frames, in sum
    "gave_up",  # outputs, a bit each, that get no more of this camera, from successors neither
)
ROW_WORDS = len(COUNTS) + len(DropReason)
FRAMES, _ERRORS, _IDLE, _STALE, LAST_FRAME_ID, _PROGRESS_NS, BUSY_NS, _GAVE_UP = range(len(COUNTS))
FIRST_DROP = len(COUNTS)


class FrameCounts:
    """One row, to be read: the words in shared memory, or a copy of them."""

    def __init__(self, words: Sequence[int]) -> None:
        self._words = words

    @property
    def frames(self) -> int:
        return int(self._words[FRAMES])

    @property
    def errors(self) -> int:
        return int(self._words[_ERRORS])

    @property
    def idle(self) -> int:
        return int(self._words[_IDLE])

    @property
    def stale(self) -> int:
        return int(self._words[_STALE])

    @property
    def last_frame_id(self) -> int:
        return int(self._words[LAST_FRAME_ID])

    @property
    def progress_ns(self) -> int:
        return int(self._words[_PROGRESS_NS])

    @property
    def busy_ns(self) -> int:
        return int(self._words[BUSY_NS])

    @property
    def gave_up(self) -> int:
        """Outputs, a bit each, that nothing more of this camera is written to."""
        return int(self._words[_GAVE_UP])

    def drops(self, reason: DropReason) -> int:
        return int(self._words[FIRST_DROP + reason])


class FrameCounters(FrameCounts):
    """One row, to be written: by the process that the row belongs to, and by no other.

    Args:
        words: the row.
        times: how long the process worked on frames of all cameras; see `pipeline.memory.times`.
    """

    _words: memoryview

    def __init__(self, words: memoryview, times: memoryview) -> None:
        super().__init__(words)
        self._times = times

    def capture(self, frame_id: int, now_ns: int) -> None:
        """Count a frame that came in; a restarted process may read some of a file again."""
        self._words[LAST_FRAME_ID] = frame_id
        self._words[FRAMES] = frame_id + 1
        self._words[_PROGRESS_NS] = now_ns

    def work(self, busy_ns: int, now_ns: int) -> None:
        """Count time spent on a frame, whether it came for the first time or again."""
        self._words[BUSY_NS] += busy_ns
        self._words[_PROGRESS_NS] = now_ns
        self._times[time_bucket(busy_ns)] += 1

    def spend(self, busy_ns: int) -> None:
        """Count processor time that a source took for a frame, or for none."""
        self._words[BUSY_NS] += busy_ns

    def finish(self, frame_id: int, *, failed: bool, idle: bool = False) -> None:
        """Count a frame that is finished for the first time."""
        self._words[FRAMES] += 1
        self._words[_ERRORS] += failed
        self._words[_IDLE] += idle
        self._words[LAST_FRAME_ID] = frame_id

    def discard(self) -> None:
        """Count a stale reference."""
        self._words[_STALE] += 1

    def give_up(self, output: int = 0) -> None:
        """End what is written of this camera to an output, for this process and its successors."""
        self._words[_GAVE_UP] |= 1 << output

    def drop(self, reason: DropReason, frames: int = 1) -> None:
        """Count frames that this process gave up."""
        self._words[FIRST_DROP + reason] += frames
