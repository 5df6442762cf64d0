"""Record: the drawn frames of each camera as an MP4."""

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from pipeline.logger import logger
from pipeline.memory.file_lock import FileHeldError, check_free
from pipeline.memory.frame_ref import NO_FRAME
from pipeline.stage import Context, Frame
from stages.kernels.boxes import Wh
from stages.kernels.pixels import Pixels
from stages.recording.outputs import MARK, video_path
from stages.recording.recorder import Recorder, RecorderOptions, Recording
from stages.recording.video_file import VideoFile, even_size, find_last_frame
from stages.slot import Slot


class RecordVideo(Recorder[None]):
    """Reads `canvas`. One video file per camera and frame size, over all restarts and connections.

    Marks in the run's directory tell a successor which files are of this run, and where they are;
    files of earlier runs are begun anew. A write that fails ends the video of its camera alone.
    Frames that were captured while the recording of their camera was switched off are left out,
    also those that come later, and are not missing.
    """

    def __init__(self, options: RecorderOptions, context: Context) -> None:
        super().__init__(context)
        self._options = options
        self._recording = Recording(
            "record.video", options.path, self._counters, required=options.required
        )
        self._run_dir = context.run_dir
        self._open: dict[str, tuple[Wh, VideoFile]] = {}  # by camera: its size and file

    def last_in_output(self, camera: int) -> int:
        marks = self._run_dir.glob(f"{MARK}{self._cameras[camera]}.*")
        return max((find_last_frame(mark) for mark in marks), default=NO_FRAME)

    def record(self, frame: Frame[None]) -> bool:
        camera = frame.ref.camera
        if self._recording.has_ended(camera):
            return False
        if self._is_off(frame):
            return True
        try:
            self._write(frame)
        except OSError as error:
            self._recording.fail(error, camera)
            with contextlib.suppress(OSError):
                self._finish(frame.camera)
            return False
        return True

    def reconfigure(self, options: RecorderOptions) -> None:
        self._options = options

    def forget_camera(self, camera: int) -> None:
        """Its file is whole, and goes on if the camera comes back."""
        try:
            self._finish(self._cameras[camera])
        except OSError as error:
            if not self._recording.has_ended(camera):  # else it has been logged
                logger.error("{}", self._recording.describe(error))

    def close(self) -> None:
        """Each file for itself: one that cannot be finished hinders no other."""
        for camera in range(len(self._cameras)):
            self.forget_camera(camera)

    def _is_off(self, frame: Frame[None]) -> bool:
        options, camera = self._options, frame.camera
        since_ns = options.recorded_since.get(camera, 0)
        return camera in options.paused or frame.ref.captured_ns < since_ns

    def _write(self, frame: Frame[None]) -> None:
        """Raises OSError."""
        canvas = Slot(frame).canvas
        video = self._find_video(frame.camera, canvas)
        at_ns = frame.pts_ns if frame.ref.lossless else frame.ref.captured_ns
        video.add(canvas, frame.ref.frame_id, at_ns)

    def _finish(self, camera: str) -> None:
        """Close what is open for a camera. Raises OSError."""
        if camera in self._open:
            self._open.pop(camera)[1].close()

    def _find_video(self, camera: str, canvas: Pixels) -> VideoFile:
        size_wh = even_size(canvas)
        open_wh, video = self._open.get(camera, (None, None))
        if video is not None and open_wh == size_wh:
            return video
        self._finish(camera)
        video = self._open_video(camera, size_wh)
        self._open[camera] = size_wh, video
        return video

    def _open_video(self, camera: str, size_wh: Wh) -> VideoFile:
        width, height = size_wh
        mark = self._run_dir / f"{MARK}{camera}.{width}x{height}"
        anew = not mark.is_symlink()
        path = self._choose_path(camera, size_wh) if anew else mark.readlink()
        video = VideoFile(path, size_wh, anew=anew)
        if anew:
            mark.symlink_to(path.resolve())
        return video

    def _choose_path(self, camera: str, size_wh: Wh) -> Path:
        """The file for a size that the camera has not had in this run. Raises OSError."""
        if not any(self._run_dir.glob(f"{MARK}{camera}.*")):
            return video_path(self._options.path, camera)
        path = video_path(self._options.path, camera, size_wh)
        _check_unused(path, self._options.kept)
        return path


def _check_unused(path: Path, kept: Iterable[str]) -> None:
    """Refuse a file that nobody has named as a recording and that something else is or writes."""
    if not path.exists():
        return
    if not path.is_file() or any(os.path.exists(k) and path.samefile(k) for k in kept):
        raise OSError(errno.EEXIST, "the line reads this file", str(path))
    with path.open("rb") as file:
        try:
            check_free(file.fileno())
        except FileHeldError as error:
            raise OSError(errno.EBUSY, str(error), str(path)) from None
