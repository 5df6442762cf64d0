"""What a camera is doing, since when and why: a row in the ledger."""

import enum
import time
from collections.abc import Sequence
from typing import Literal

from pipeline.redact import redact

StateName = Literal["connecting", "live", "stalled", "lost", "ended"]
CAMERA_STATES: tuple[StateName, ...] = ("connecting", "live", "stalled", "lost", "ended")


class CameraState(enum.IntEnum):
    """A camera counts as absent until its first frame is there."""

    CONNECTING = 0
    LIVE = 1
    STALLED = 2
    LOST = 3
    ENDED = 4

    @property
    def label(self) -> StateName:
        return CAMERA_STATES[self]


# The words of a row, in this order. The reason of the state is text, in a table of its own.
CAMERA_WORDS = (
    "state",
    "since_unix_ns",
    "epoch",
    "width",
    "height",
    "first_frame",  # of its stay in the line: a camera may be removed and come back
)
WHY_BYTES = 200
_STATE, SINCE_UNIX_NS, _EPOCH, _WIDTH, _HEIGHT, _FIRST_FRAME = range(len(CAMERA_WORDS))


class CameraEntry:
    """One row, to be read.

    Args:
        words: in the order of `CAMERA_WORDS`; in shared memory, or a copy of them, as are the next.
        why: `WHY_BYTES` bytes of UTF-8, filled up with zeros.
    """

    def __init__(self, words: Sequence[int], why: memoryview | bytes) -> None:
        self._words = words
        self._why = why

    @property
    def state(self) -> CameraState:
        return CameraState(int(self._words[_STATE]))

    @property
    def state_name(self) -> StateName:
        """The same as its label, ten times as fast."""
        return CAMERA_STATES[self._words[_STATE]]

    @property
    def since_unix_ns(self) -> int:
        """When the camera came into its state."""
        return int(self._words[SINCE_UNIX_NS])

    @property
    def why(self) -> str:
        if not self._why[0]:
            return ""
        return bytes(self._why).rstrip(b"\0").decode(errors="replace")

    @property
    def status(self) -> tuple[CameraState, int, str]:
        """(state, since_unix_ns, why)"""
        return self.state, self.since_unix_ns, self.why

    @property
    def epoch(self) -> int:
        """Connections so far; 0 before the first."""
        return int(self._words[_EPOCH])

    @property
    def size_wh(self) -> tuple[int, int]:
        return int(self._words[_WIDTH]), int(self._words[_HEIGHT])

    @property
    def first_frame(self) -> int:
        """The number that the first frame has since the camera has come into the line."""
        return int(self._words[_FIRST_FRAME])


class CameraWriter(CameraEntry):
    """One row, to be written: by the camera's capture process, or by the supervisor while no
    capture process lives.
    """

    _words: memoryview
    _why: memoryview

    def __init__(self, words: memoryview, why: memoryview) -> None:
        super().__init__(words, why)

    def set_state(self, state: CameraState, why: str = "") -> None:
        """`since_unix_ns` moves only when the state changes. The reason goes to every client."""
        self._why[:] = (
            redact(why).encode(errors="backslashreplace")[:WHY_BYTES].ljust(WHY_BYTES, b"\0")
        )
        if self._words[_STATE] != state:
            self._words[_STATE] = state
            self._words[SINCE_UNIX_NS] = time.time_ns()

    def begin_stay(self, first_frame: int) -> None:
        """The camera comes into a line that runs; its frames are counted from here."""
        self._words[_FIRST_FRAME] = first_frame
        self.set_state(CameraState.CONNECTING)

    def begin_epoch(self, epoch: int, size_wh: tuple[int, int]) -> None:
        """A connection has a ring, and frames of this size."""
        self._words[_WIDTH], self._words[_HEIGHT] = size_wh
        self._words[_EPOCH] = epoch
