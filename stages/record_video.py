"""Record: the drawn frames of each camera as an MP4."""

from pathlib import Path

from pipeline.stage import Context, Frame
from stages.readers.reader import Picture
from stages.recording.recorder import Recorder, RecorderOptions
from stages.recording.video_file import Encoder, VideoFile, even_size


class RecordVideo(Recorder):
    """One film per camera and frame size, whatever is killed or connected anew meanwhile.

    Marks in the run's directory tell a successor which films are of this run, and where they are;
    films of earlier runs are begun anew.
    """

    stage, key = "record_video", "record.video"

    def __init__(self, options: RecorderOptions, context: Context) -> None:
        super().__init__(options, context)
        self._run_dir = context.run_dir
        self._films: dict[
            str, tuple[tuple[int, int], VideoFile]
        ] = {}  # by camera: its size and film

    def record(self, frame: Frame) -> None:
        film = self._find_film(frame.camera, frame["canvas"])
        if frame.ref.frame_id > film.last_frame:  # else added just before a kill, and sent again
            at_ns = frame.pts_ns if frame.ref.lossless else frame.ref.captured_ns
            film.add(frame["canvas"], frame.ref.frame_id, at_ns)

    def finish(self) -> None:
        while self._films:
            self._films.popitem()[1][1].close()

    def _find_film(self, camera: str, picture: Picture) -> VideoFile:
        size_wh = even_size(picture)
        open_wh, film = self._films.get(camera, (None, None))
        if film is not None and open_wh == size_wh:
            return film
        if film is not None:
            del self._films[camera]
            film.close()
        film = self._open_film(camera, size_wh)
        self._films[camera] = size_wh, film
        return film

    def _open_film(self, camera: str, size_wh: tuple[int, int]) -> VideoFile:
        width, height = size_wh
        mark = self._run_dir / f"film.{camera}.{width}x{height}"
        anew = not mark.is_symlink()
        if anew:
            is_first = not any(self._run_dir.glob(f"film.{camera}.*"))
            path = film_path(self._options.path, camera, None if is_first else size_wh)
        else:
            path = mark.readlink()
        encoder = Encoder(self._run_dir / f"packet.{camera}", size_wh)
        film = VideoFile(path, encoder, size_wh, anew=anew)
        if anew:
            mark.symlink_to(path.resolve())
        return film


def film_path(template: str, camera: str, size_wh: tuple[int, int] | None) -> Path:
    """The film of a camera; that of a size which is not its first bears the size in its name."""
    path = Path(template.replace("{camera}", camera))
    return path if size_wh is None else path.with_stem(f"{path.stem}.{size_wh[0]}x{size_wh[1]}")
