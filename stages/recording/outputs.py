"""The files that a run records to: none of them may be another file of the user's."""

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import LineError
from stages.config import LineConfig
from stages.readers.images.suffixes import is_image
from stages.recording.day_files import files_aside
from stages.recording.inputs import Input
from stages.services.archive.layout import LOCK

FileId = tuple[int, int, str]
CAMERA = "{camera}"
MARK = "video."  # in the run's directory: links to the videos that have been begun
# In the run's directory: the file of this key has been begun.
BEGUN, EVENTS_BEGUN = "record_jsonl.begun", "record_events.begun"


# Keys of files that grow over all runs, and are set aside by days.
BY_DAY = ("record.jsonl", "record.events")
FOLDER = "record.folder"


class Output(NamedTuple):
    """A file, and the key of the configuration that names it."""

    key: str
    path: Path


def find_outputs(config: LineConfig) -> Iterator[Output]:
    """Every file that the run will certainly write.

    A camera that changes its size gets more: `record_video` looks after those.
    """
    record = config.record
    if record.jsonl is not None:
        yield Output("record.jsonl", Path(record.jsonl))
    if record.events is not None:
        yield Output("record.events", Path(record.events))
    if record.video is not None:
        for path in dict.fromkeys(video_path(record.video, name) for name in config.camera_names):
            yield Output("record.video", path)
    if record.folder is not None:
        yield Output(FOLDER, Path(record.folder) / LOCK)


def video_path(template: str, camera: str, size_wh: tuple[int, int] | None = None) -> Path:
    """The file of a camera; the name holds the frame size where that is not the camera's first."""
    path = Path(template.replace(CAMERA, camera))
    return path if size_wh is None else path.with_stem(f"{path.stem}.{size_wh[0]}x{size_wh[1]}")


def find_written(config: LineConfig, run_dir: Path) -> tuple[Path, ...]:
    """The files that a run has written so far; a video for each camera and frame size."""
    videos = [mark.readlink() for mark in sorted(run_dir.glob(f"{MARK}*"))]
    lines = ((config.record.jsonl, BEGUN), (config.record.events, EVENTS_BEGUN))
    begun = [
        file
        for path, mark in lines
        if path is not None and (run_dir / mark).exists()
        for file in (*files_aside(run_dir / mark), Path(path))
    ]
    return (*begun, *videos)


def check_outputs(
    outputs: Iterable[Output], inputs: Iterable[Input], held: Iterable[Output] = ()
) -> None:
    """Compare outputs with each other and with all that is read, then look if they can be made.

    Nothing is opened for writing before all have been compared, and nothing is made at all.

    Args:
        held: what this process has locked. It is not opened: to close it would end the lock.

    Raises:
        LineError: the first that is wrong.
    """
    outputs = tuple(outputs)
    if not outputs:
        return
    known: dict[FileId, str] = {}
    folders: dict[FileId, str] = {}
    for what, path in inputs:
        with contextlib.suppress(OSError, ValueError):  # no file at all: who reads it says so
            (folders if path.is_dir() else known).setdefault(file_id(path), what)
    for output in outputs:
        try:
            found = file_id(output.path)
            if found in known:
                raise LineError(
                    f"{output.key}: expected a file of its own, "
                    f"got {output.path}: that is {known[found]}"
                )
            _check_images(output, folders)
        except (OSError, ValueError) as error:  # a null byte in the name
            raise _cannot_write(output, error) from None
        known[found] = f"a file of {output.key}, too"
    locked = {file_id(output.path) for output in held}
    for output in outputs:
        if file_id(output.path) not in locked:
            _check_writable(output)


def file_id(path: Path) -> FileId:
    """The same for all names of a file: device, inode, and what is not there yet behind that."""
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino, ""
    resolved = Path(os.path.realpath(path))
    for folder in resolved.parents:
        with contextlib.suppress(OSError):
            found = folder.stat()
            return found.st_dev, found.st_ino, str(resolved.relative_to(folder))
    raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def _check_images(output: Output, folders: dict[FileId, str]) -> None:
    """Refuse a recording that the folder it lies in would deliver as an image."""
    for path in (output.path, Path(os.path.realpath(output.path))):
        what = folders.get(file_id(path.parent))
        if what is not None and is_image(path):
            raise LineError(
                f"{output.key}: expected a file outside of {what}, "
                f"got {output.path}: it would be read as an image"
            )


def _check_writable(output: Output) -> None:
    """Look now, not when the first frame is through."""
    path = output.path
    try:
        if path.is_file():
            os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK))
        elif path.exists():
            raise LineError(f"{output.key}: expected a regular file, got {path}")
        else:
            _check_folder(Path(os.path.realpath(path)))
    except (OSError, ValueError) as error:
        raise _cannot_write(output, error) from None


def _check_folder(path: Path) -> None:
    """Whether the file, and folders on the way to it, can be made. Raises OSError."""
    there = next(folder for folder in path.parents if folder.exists())
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _cannot_write(output: Output, error: OSError | ValueError) -> LineError:
    why = error.strerror if isinstance(error, OSError) else str(error)
    if "\0" in str(output.path):  # each Python has its own words for it
        why = "embedded null byte"
    return LineError(f"{output.key}: cannot write {output.path}: {why}")
