"""A process's own row in the ledger: how long it may be silent, and which frame it works on.

The watchdog kills and restarts a process that is silent for longer than it announced, whether the
process is stopped, blocked in a read, or in an endless loop. An idle loop still turns and still
beats, so an idle process is not taken for a hung one.
"""

from collections.abc import Sequence

from pipeline.memory.frame_ref import NO_FRAME, FrameRef
from pipeline.realtime import monotonic_ns

# The words of a row, in this order.
HEARTBEAT_WORDS = (
    "pid",
    "ready_ns",  # CLOCK_MONOTONIC: its links are up
    "due_ns",  # CLOCK_MONOTONIC: it hangs if it is silent beyond this
    "held_camera",
    "held_frame",  # the frame that it works on, or NO_FRAME
    "revision",  # of the options that it works with
    "starts",  # of this process and its predecessors, but those for other options
)
_NS_PER_S = 1_000_000_000
_PID, _READY_NS, _DUE_NS, _HELD_CAMERA, HELD_FRAME, _REVISION, _STARTS = range(len(HEARTBEAT_WORDS))


class ProcessEntry:
    """One row, to be read: the words in shared memory, or a copy of them."""

    def __init__(self, words: Sequence[int]) -> None:
        self._words = words

    @property
    def pid(self) -> int:
        return int(self._words[_PID])

    @property
    def ready_ns(self) -> int:
        """When it was ready (CLOCK_MONOTONIC); after a restart, its predecessor's time at first."""
        return int(self._words[_READY_NS])

    @property
    def due_ns(self) -> int:
        return int(self._words[_DUE_NS])

    @property
    def held_frame(self) -> tuple[int, int] | None:
        """(camera, frame_id) of the frame that it works on, or worked on when it died."""
        frame_id = int(self._words[HELD_FRAME])
        return None if frame_id == NO_FRAME else (int(self._words[_HELD_CAMERA]), frame_id)

    @property
    def revision(self) -> int:
        """Of the options that it works with; after a restart, its predecessor's at first."""
        return int(self._words[_REVISION])

    @property
    def starts(self) -> int:
        """How often the process has begun, changes of options apart; above 1 it had died."""
        return int(self._words[_STARTS])


class Heartbeat(ProcessEntry):
    """One row, to be written: by the process that the row belongs to.

    Args:
        words: the row, in the order of `HEARTBEAT_WORDS`.
        limit_s: the longest silence between two beats.
    """

    _words: memoryview

    def __init__(self, words: memoryview, limit_s: float) -> None:
        super().__init__(words)
        self._limit_ns = int(limit_s * _NS_PER_S)

    def start(self, pid: int, *, is_renewed: bool = False) -> None:
        """This process has begun and holds no frame.

        Args:
            is_renewed: its predecessor, if it had one, has made way for it, and had not died.
        """
        self._words[_PID] = pid
        if not (is_renewed and self._words[_STARTS]):
            self._words[_STARTS] += 1
        self.let_go()

    def ready(self) -> None:
        """The links are up. It beats first: from now on the watchdog expects beats."""
        self.beat()
        self._words[_READY_NS] = monotonic_ns()

    def beat(self) -> None:
        """The process is alive; the next beat comes within the limit."""
        self._words[_DUE_NS] = monotonic_ns() + self._limit_ns

    def expect(self, extra_s: float) -> None:
        """The process is alive and begins to wait; the next beat may take `extra_s` longer."""
        self._words[_DUE_NS] = monotonic_ns() + self._limit_ns + int(extra_s * _NS_PER_S)

    def take(self, ref: FrameRef) -> None:
        """Work on this frame begins. If the process dies now, the frame is known."""
        self._words[_HELD_CAMERA] = ref.camera
        self._words[HELD_FRAME] = ref.frame_id
        self.beat()

    def let_go(self) -> None:
        """Work on the frame has ended."""
        self._words[HELD_FRAME] = NO_FRAME

    def adopt(self, revision: int) -> None:
        """From now on it works with the options of this revision."""
        self._words[_REVISION] = revision
