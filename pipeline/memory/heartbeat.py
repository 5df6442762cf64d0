"""A process's word, in the books, on how long it may be silent, and which frame it has in hand.

The watchdog takes it at its word: a process whose time is over is killed and started again, be it
stopped, blocked in a read, or in an endless loop. An idle loop turns, so idle is not hung.
"""

from pipeline.memory.frame_ref import NO_FRAME, FrameRef
from pipeline.memory.ledger import VITAL_SIGNS, Ledger
from pipeline.realtime import monotonic_ns

_NS_PER_S = 1_000_000_000
_DUE = VITAL_SIGNS.index("due_ns")
_HELD_CAMERA, _HELD_FRAME = VITAL_SIGNS.index("held_camera"), VITAL_SIGNS.index("held_frame")


class Heartbeat:
    """Writes the vital signs of one process; nobody else writes them."""

    def __init__(self, ledger: Ledger, index: int, limit_s: float) -> None:
        self._words = ledger.vital_signs(index)
        self._limit_ns = int(limit_s * _NS_PER_S)
        self.let_go()

    def beat(self) -> None:
        """Alive; the next word comes within the limit."""
        self._words[_DUE] = monotonic_ns() + self._limit_ns

    def expect(self, extra_s: float) -> None:
        """Alive, and about to wait for something that may take so much longer."""
        self._words[_DUE] = monotonic_ns() + self._limit_ns + int(extra_s * _NS_PER_S)

    def take(self, ref: FrameRef) -> None:
        """Should the process die now, it was with this frame in hand."""
        self._words[_HELD_CAMERA] = ref.camera
        self._words[_HELD_FRAME] = ref.frame_id
        self.beat()

    def let_go(self) -> None:
        self._words[_HELD_FRAME] = NO_FRAME
