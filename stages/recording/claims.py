"""The output files of a run, held from before the first process starts until all have ended."""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.errors import LineError
from pipeline.memory.file_lock import FileHeldError, FileLock, check_free
from stages.recording.day_files import find_days
from stages.recording.outputs import BY_DAY, FOLDER, Output

_SIZED_STEM = re.compile(r"(.+)\.\d+x\d+", re.DOTALL)  # as `video_path` makes it


class Claims:
    """Locks all outputs, or none. Folders and files that are missing are made; none is truncated.

    Raises:
        LineError: a file is held by another run, is the same as another, or cannot be made.
    """

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._locks: list[tuple[Output, FileLock]] = []
        self._folders: list[Path] = []  # that were made, outer ones first
        try:
            self.add(outputs)
        except BaseException:
            self.close(ran=False)
            raise

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What is locked."""
        return tuple(output for output, _ in self._locks)

    def add(self, outputs: Sequence[Output]) -> tuple[Output, ...]:
        """Lock those of these outputs that are not locked yet, all or none; returns them."""
        held = self.outputs
        new = tuple(output for output in outputs if output not in held)
        for output in new:
            _check_family(output)
        try:
            for output in new:
                self._claim(output)
        except BaseException:
            self.drop(new)
            raise
        return new

    def follow(self) -> None:
        """Lock what recorders have made in place of what is locked.

        These are files of another day, and a folder that somebody has removed. Until that is done,
        the lock on the one that was set aside tells other starts; see
        `_check_family`.
        """
        for at, (output, lock) in enumerate(self._locks):
            if not lock.has_name and _is_made_again(output):
                with contextlib.suppress(FileHeldError, OSError):  # tried again at the next turn
                    self._locks[at] = output, FileLock(output.path)
                    lock.release(keep_empty=True)

    def drop(self, outputs: Sequence[Output]) -> None:
        """Let go of some that nothing was written to."""
        for held in [held for held in self._locks if held[0] in outputs]:
            self._locks.remove(held)
            held[1].release(keep_empty=False)

    def close(self, *, ran: bool) -> None:
        """Let go of all. What was made for a run that did not come about is removed."""
        while self._locks:
            output, lock = self._locks.pop()
            lock.release(keep_empty=ran and output.key in BY_DAY)
        while self._folders and not ran:
            with contextlib.suppress(OSError):  # others use it meanwhile
                self._folders.pop().rmdir()

    def _claim(self, output: Output) -> None:
        key, path = output
        try:
            for folder in _missing_folders(path):
                folder.mkdir(exist_ok=True)
                self._folders.append(folder)
            lock = FileLock(path)
        except FileHeldError as error:
            raise LineError(f"{key}: {path}: {error}") from None
        except OSError as error:
            raise LineError(f"{key}: cannot write {path}: {error.strerror}") from None
        for other, held in self._locks:  # names may differ in case alone
            if held.file_id == lock.file_id:
                lock.release(keep_empty=True)
                raise LineError(
                    f"{key}: expected a file of its own, got {path}: that is {other.path}, too"
                )
        self._locks.append((output, lock))


def _is_made_again(output: Output) -> bool:
    """Whether there is something to lock in the place of what has lost its name."""
    if output.key == FOLDER:
        return output.path.parent.is_dir()
    return output.key in BY_DAY and output.path.exists()


def _check_family(output: Output) -> None:
    """Refuse a name under which a running line writes, though it holds another one of its files.

    That is one which it gives to frames of another size, while it holds the name without a size; or
    one that it has begun for a new day just now, while it still holds the day before. To look
    closes the file, so it comes before any lock.
    """
    path = output.path
    of_size = _SIZED_STEM.fullmatch(path.stem)
    if output.key in BY_DAY:
        for day in find_days(path):
            _check_free(output, day.path, "another day")
    elif of_size is not None:
        _check_free(output, path.with_stem(of_size[1]), "frames of that size")


def _check_free(output: Output, file: Path, what: str) -> None:
    """Raises LineError."""
    if not file.is_file():
        return
    try:
        with file.open("rb") as opened:
            check_free(opened.fileno())
    except FileHeldError as error:
        raise LineError(f"{output.key}: {output.path}: for {what}, {error}") from None
    except OSError:  # there is none, or it is none of ours
        return


def _missing_folders(path: Path) -> Iterator[Path]:
    parents = Path(os.path.realpath(path)).parents
    return reversed([folder for folder in parents if not folder.exists()])
