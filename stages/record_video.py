"""Record: the drawn frames of each camera as an MP4."""

from pathlib import Path

from pipeline.memory.frame_ref import NO_FRAME
from pipeline.stage import Context, Frame
from stages.kernels.boxes import Wh
from stages.kernels.pixels import Pixels
from stages.recording.recorder import Recorder, RecorderOptions
from stages.recording.video_file import Encoder, VideoFile, even_size, find_last_frame
from stages.slot import Slot


class RecordVideo(Recorder[None]):
    """Reads `canvas`. One video file per camera and frame size, over all restarts and connections.

    Marks in the run's directory tell a successor which files are of this run, and where they are;
    files of earlier runs are begun anew.
    """

    key = "record.video"

    def __init__(self, options: RecorderOptions, context: Context) -> None:
        super().__init__(options, context)
        self._cameras = context.run.cameras
        self._run_dir = context.run_dir
        self._open: dict[str, tuple[Wh, VideoFile]] = {}  # by camera: its size and file

    def last_in_output(self, camera: int) -> int:
        marks = self._run_dir.glob(f"video.{self._cameras[camera]}.*")
        return max((find_last_frame(mark) for mark in marks), default=NO_FRAME)

    def record(self, frame: Frame[None]) -> None:
        canvas = Slot(frame).canvas
        video = self._find_video(frame.camera, canvas)
        at_ns = frame.pts_ns if frame.ref.lossless else frame.ref.captured_ns
        video.add(canvas, frame.ref.frame_id, at_ns)

    def finish(self) -> None:
        while self._open:
            self._open.popitem()[1][1].close()

    def _find_video(self, camera: str, canvas: Pixels) -> VideoFile:
        size_wh = even_size(canvas)
        open_wh, video = self._open.get(camera, (None, None))
        if video is not None and open_wh == size_wh:
            return video
        if video is not None:
            del self._open[camera]
            video.close()
        video = self._open_video(camera, size_wh)
        self._open[camera] = size_wh, video
        return video

    def _open_video(self, camera: str, size_wh: Wh) -> VideoFile:
        width, height = size_wh
        mark = self._run_dir / f"video.{camera}.{width}x{height}"
        anew = not mark.is_symlink()
        if anew:
            is_first = not any(self._run_dir.glob(f"video.{camera}.*"))
            path = video_path(self._options.path, camera, None if is_first else size_wh)
        else:
            path = mark.readlink()
        encoder = Encoder(self._run_dir / f"packet.{camera}", size_wh)
        video = VideoFile(path, encoder, size_wh, anew=anew)
        if anew:
            mark.symlink_to(path.resolve())
        return video


def video_path(template: str, camera: str, size_wh: Wh | None) -> Path:
    """The file of a camera; the name holds the frame size where that is not the camera's first."""
    path = Path(template.replace("{camera}", camera))
    return path if size_wh is None else path.with_stem(f"{path.stem}.{size_wh[0]}x{size_wh[1]}")
