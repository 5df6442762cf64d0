"""A video file of one camera: each frame is encoded and in the file before the next is taken."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import cv2

from pipeline.memory.frame_ref import NO_FRAME
from stages.kernels.pixels import Pixels
from stages.recording import mp4
from stages.recording.journal import Journal

USUAL_INTERVAL_NS = 40_000_000  # until two frames show the true one
_CODEC = "mp4v"  # MPEG-4 Part 2: what the bundled FFmpeg can encode without a licence
_RATE = 25.0  # tells the encoder how many bits a frame may take; the times in the file are ours
_SHORTEST_NS, _LONGEST_NS = 100_000, 10_000_000_000  # a longer gap is not filled
_NS_PER_S = 1_000_000_000
_MOST_INDEXED = 50_000  # frames: half an hour at 25 fps, indexed in half a second
_AV_LOG_FATAL = "8"


class Encoder:
    """Turns each frame into a packet at once; a new encoder begins with a key frame.

    FFmpeg runs as the writer of an image sequence, so it writes each packet to a file of its own
    and closes it. As the writer of a video it would keep some packets back. The files live in
    memory, for a moment.
    """

    def __init__(self, scratch: Path, size_wh: tuple[int, int], video: str = "") -> None:
        """`video` is the file that an error names. Raises OSError."""
        os.environ["OPENCV_FFMPEG_LOGLEVEL"] = _AV_LOG_FATAL
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._pattern = f"{scratch}.%09d.jpg"
        self._encoded = 0
        fourcc = cv2.VideoWriter.fourcc(*_CODEC)
        with _stderr_shut():  # OpenCV warns that this codec is not one of image files
            self._writer = cv2.VideoWriter(self._pattern, cv2.CAP_FFMPEG, fourcc, _RATE, size_wh)
        if not self._writer.isOpened():
            width, height = size_wh
            raise OSError(errno.EINVAL, f"no {_CODEC} encoder for {width}x{height}", video or None)

    def encode(self, image: Pixels) -> bytes:
        """The packet of one more frame. Raises OSError."""
        self._encoded += 1
        packet = Path(self._pattern % self._encoded)
        room = os.statvfs(packet.parent)
        if room.f_bavail * room.f_frsize < image.nbytes:  # FFmpeg reports no full disk
            raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} at {packet.parent}")
        self._writer.write(image)
        try:
            return packet.read_bytes()
        finally:
            packet.unlink(missing_ok=True)

    def close(self) -> None:
        self._writer.release()


class VideoFile:
    """Every frame once, shown from its own time until the next one's."""

    def __init__(
        self, path: Path, encoder: Encoder, size_wh: tuple[int, int], *, anew: bool
    ) -> None:
        self._journal = Journal(path, anew=anew)
        self._encoder = encoder
        self._size_wh = size_wh
        self._last: mp4.Fragment | None = None if anew else self._recover()
        self._last_ns: int | None = None  # by the source's clock
        self._time_ns = _to_ns(self._last.ticks) if self._last else 0
        self._interval_ns = _to_ns(self._last.duration) if self._last else USUAL_INTERVAL_NS

    def add(self, image: Pixels, frame_id: int, at_ns: int) -> None:
        """One more frame, later than all before. Raises OSError."""
        packet = self._encoder.encode(image)
        begin = b""
        if self._last is None:
            begin = mp4.make_beginning(self._size_wh, packet)
        else:
            self._time_ns += self._step(at_ns)
            mp4.set_duration(
                self._journal.fd, self._last.at, _to_ticks(self._time_ns) - self._last.ticks
            )
        self._last_ns = at_ns
        ticks, duration = _to_ticks(self._time_ns), _to_ticks(self._interval_ns)
        fragment = mp4.make_fragment(frame_id, ticks, duration, packet)
        at = self._journal.append(begin + fragment) + len(begin)
        self._last = mp4.read_fragment(self._journal.fd, at)

    def close(self) -> None:
        """Add an index. Without one the file plays too, but players seek in it slowly."""
        try:
            self._finish()
        finally:
            self._encoder.close()
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


@contextlib.contextmanager
def _stderr_shut() -> Iterator[None]:
    """Discard what OpenCV writes to standard error itself, whatever its log level."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
