"""Record: the drawn frames of each camera as an MP4."""

from pathlib import Path

import cv2
import msgspec
import numpy as np

from pipeline.errors import LineError
from pipeline.stage import BasicStage, Context, Frame
from stages.readers.reader import Picture

LIVE_FPS = 25.0
_CODEC = "mp4v"  # MPEG-4 Part 2: what the bundled FFmpeg can encode without a licence
_NS_PER_S = 1_000_000_000
_LONGEST_REPEAT = 50  # frames shown again across a gap of a live camera: two seconds
_FPS_RANGE = (1.0, 240.0)


class RecordVideoOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`path` holds `{camera}` where several cameras are recorded."""

    path: str


class RecordVideo(BasicStage):
    """One file per camera and frame size."""

    Options = RecordVideoOptions

    def __init__(self, options: RecordVideoOptions, context: Context) -> None:
        self._path = options.path
        self._films: dict[tuple[str, int], Film] = {}

    def process(self, frame: Frame) -> bytes:
        if frame.repeated:
            return b""
        key = (frame.camera, frame.ref.epoch)
        if key not in self._films:
            self._films[key] = Film(film_path(self._path, *key))
        film = self._films[key]
        if frame.ref.lossless:
            film.add_next(frame["canvas"], frame.pts_ns)
        else:
            film.add_at(frame["canvas"], frame.ref.captured_ns)
        return b""

    def pass_failed(self, frame: Frame) -> bytes:
        return self.process(frame)

    def close(self) -> None:
        for film in self._films.values():
            film.close()


class Film:
    """An MP4 of constant rate: every frame of a file once, those of a camera by its clock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: cv2.VideoWriter | None = None
        self._waiting: tuple[Picture, int] | None = None  # first frame, until the rate is known
        self._start_ns: int | None = None
        self._written = 0

    def add_next(self, picture: Picture, pts_ns: int) -> None:
        """One more frame of a file; the first two tell the rate."""
        if self._writer is None and self._waiting is None:
            self._waiting = (picture.copy(), pts_ns)
            return
        if self._waiting is not None:
            first, first_pts_ns = self._waiting
            self._waiting = None
            self._write(first, frame_rate(pts_ns - first_pts_ns))
        self._write(picture, LIVE_FPS)

    def add_at(self, picture: Picture, captured_ns: int) -> None:
        """A camera's frame at its moment: shown longer where frames are missing."""
        if self._start_ns is None:
            self._start_ns = captured_ns
        due = round((captured_ns - self._start_ns) * LIVE_FPS / _NS_PER_S) + 1
        repeats = due - self._written
        if repeats > _LONGEST_REPEAT:
            self._start_ns += round((repeats - 1) / LIVE_FPS * _NS_PER_S)
            repeats = 1
        for _ in range(repeats):
            self._write(picture, LIVE_FPS)

    def close(self) -> None:
        if self._waiting is not None:
            self._write(self._waiting[0], LIVE_FPS)
        if self._writer is not None:
            self._writer.release()

    def _write(self, picture: Picture, fps: float) -> None:
        if self._writer is None:
            self._writer = self._open(picture, fps)
        self._writer.write(picture)
        self._written += 1

    def _open(self, picture: Picture, fps: float) -> cv2.VideoWriter:
        height, width = picture.shape[:2]
        fourcc = cv2.VideoWriter.fourcc(*_CODEC)
        writer = cv2.VideoWriter(str(self._path), cv2.CAP_FFMPEG, fourcc, fps, (width, height))
        if not writer.isOpened():
            raise LineError(f"record.video: cannot write {width}x{height} {_CODEC} to {self._path}")
        return writer


def frame_rate(interval_ns: int) -> float:
    """Frames per second from the distance of two frames, within what a player accepts."""
    return float(np.clip(_NS_PER_S / max(interval_ns, 1), *_FPS_RANGE))


def film_path(template: str, camera: str, epoch: int) -> Path:
    """The file of one epoch; only the first bears the plain name."""
    path = Path(template.replace("{camera}", camera))
    return path if epoch == 1 else path.with_stem(f"{path.stem}.{epoch}")
