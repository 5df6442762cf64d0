"""What a process has done with the frames of one camera, counted where everybody may read it.

It is written at every frame, as plain words: the fields of a structured array take ten times as
long.
"""

# The words of a row, in this order; the drops follow.
COUNTS = (
    "frames",  # finished
    "errors",  # of these, marked as failed
    "stale",  # references discarded because their slot had moved on
    "last_frame_id",
    "progress_ns",  # CLOCK_MONOTONIC of the last finished frame
    "busy_ns",  # time spent on frames, in sum
)
_FRAMES, _ERRORS, _STALE, _LAST_FRAME_ID, _PROGRESS_NS, _BUSY_NS = range(len(COUNTS))


class FrameCounters:
    """One row of the books. Only the process whose row it is may write."""

    def __init__(self, words: memoryview) -> None:
        self._words = words

    @property
    def frames(self) -> int:
        return int(self._words[_FRAMES])

    @property
    def last_frame_id(self) -> int:
        return int(self._words[_LAST_FRAME_ID])

    def capture(self, frame_id: int, now_ns: int) -> None:
        """A frame has come in; a restarted process may read some of a file again."""
        self._words[_LAST_FRAME_ID] = frame_id
        self._words[_FRAMES] = frame_id + 1
        self._words[_PROGRESS_NS] = now_ns

    def work(self, busy_ns: int, now_ns: int) -> None:
        """Time was spent on a frame, be it for the first time or not."""
        self._words[_BUSY_NS] += busy_ns
        self._words[_PROGRESS_NS] = now_ns

    def finish(self, frame_id: int, *, failed: bool) -> None:
        """A frame is done that was not before."""
        self._words[_FRAMES] += 1
        self._words[_ERRORS] += failed
        self._words[_LAST_FRAME_ID] = frame_id

    def discard(self) -> None:
        """A reference was stale."""
        self._words[_STALE] += 1
