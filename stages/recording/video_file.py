"""A video file of one camera: each frame is encoded and in the file before the next is taken."""

import errno
from pathlib import Path

from pipeline.memory.frame_ref import NO_FRAME
from stages.kernels.pixels import Pixels
from stages.recording import mp4
from stages.recording.journal import Journal
from stages.services.media.h264_encoder import H264Encoder, NoEncoder
from stages.services.media.nal_units import h264_sets, make_avcc, split, with_lengths

USUAL_INTERVAL_NS = 40_000_000  # until two frames show the true one
_SHORTEST_NS, _LONGEST_NS = 100_000, 10_000_000_000  # a longer gap is not filled
_NS_PER_S = 1_000_000_000
_MOST_INDEXED = 50_000  # frames: half an hour at 25 fps, indexed in half a second


class VideoFile:
    """Every frame once, shown from its own time until the next one's.

    Raises:
        OSError: frames of this size cannot be coded, or the file cannot be opened.
    """

    def __init__(self, path: Path, size_wh: tuple[int, int], *, anew: bool) -> None:
        try:
            self._encoder = H264Encoder(size_wh)
        except NoEncoder as error:
            raise OSError(errno.EINVAL, str(error), str(path)) from None
        self._journal = Journal(path, anew=anew)
        self._size_wh = size_wh
        self._last: mp4.Fragment | None = None if anew else self._recover()
        self._last_ns: int | None = None  # by the source's clock
        self._time_ns = _to_ns(self._last.ticks) if self._last else 0
        self._interval_ns = _to_ns(self._last.duration) if self._last else USUAL_INTERVAL_NS

    def add(self, image: Pixels, frame_id: int, at_ns: int) -> None:
        """One more frame, later than all before. Raises OSError."""
        if self._last is not None:
            self._time_ns += self._step(at_ns)
        ticks, duration = _to_ticks(self._time_ns), _to_ticks(self._interval_ns)
        coded = self._encoder.encode(image, ticks)
        begin = b""
        if self._last is None:
            begin = mp4.make_beginning(self._size_wh, make_avcc(*h264_sets(coded.data)))
        else:
            mp4.set_duration(self._journal.fd, self._last.at, ticks - self._last.ticks)
        self._last_ns = at_ns
        data = with_lengths(split(coded.data))
        fragment = mp4.make_fragment(frame_id, ticks, duration, data, is_key=coded.is_key)
        at = self._journal.append(begin + fragment) + len(begin)
        self._last = mp4.read_fragment(self._journal.fd, at)

    def close(self) -> None:
        """Add an index. Without one the file plays too, but players seek in it slowly."""
        try:
            self._finish()
        finally:
            self._journal.close()

    def _finish(self) -> None:
        fragments = []
        for fragment in mp4.read_fragments(self._journal.fd):
            fragments.append(fragment)
            if len(fragments) > _MOST_INDEXED:
                return
        if fragments:
            at = self._journal.append(mp4.make_index(self._journal.fd, fragments))
            mp4.hide_fragments(self._journal.fd, at)

    def _step(self, at_ns: int) -> int:
        """How long the last frame is shown; the usual time where the clock makes no sense."""
        step_ns = at_ns - self._last_ns if self._last_ns is not None else 0
        if _SHORTEST_NS <= step_ns <= _LONGEST_NS:
            self._interval_ns = step_ns
        return self._interval_ns

    def _recover(self) -> mp4.Fragment | None:
        """Make the file of a killed process whole; returns its last frame."""
        mp4.show_fragments(self._journal.fd)
        last = mp4.find_last_fragment(self._journal.fd)
        self._journal.cut(last.end if last else 0)
        return last


def find_last_frame(path: Path) -> int:
    """Number of the last whole frame in a file, which a killed process may have left unfinished."""
    try:
        with path.open("rb") as video:
            last = mp4.find_last_fragment(video.fileno())
    except OSError:  # writing to the file will show what is wrong
        return NO_FRAME
    return last.frame_id if last else NO_FRAME


def even_size(image: Pixels) -> tuple[int, int]:
    """(width, height) of the video: chroma has half the resolution, so an odd line is left out."""
    height, width = image.shape[:2]
    return width // 2 * 2, height // 2 * 2


def _to_ticks(ns: int) -> int:
    return round(ns * mp4.TICKS_PER_S / _NS_PER_S)


def _to_ns(ticks: int) -> int:
    return round(ticks * _NS_PER_S / mp4.TICKS_PER_S)
