"""The output files of a run, held from before the first process starts until all have ended."""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.errors import LineError
from pipeline.memory.file_lock import FileHeldError, FileLock, check_free
from stages.recording.outputs import Output

_MAY_BE_EMPTY = ("record.jsonl", "record.events")
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

    def drop(self, outputs: Sequence[Output]) -> None:
        """Let go of some that nothing was written to."""
        for held in [held for held in self._locks if held[0] in outputs]:
            self._locks.remove(held)
            held[1].release(keep_empty=False)

    def close(self, *, ran: bool) -> None:
        """Let go of all. What was made for a run that did not come about is removed."""
        while self._locks:
            output, lock = self._locks.pop()
            lock.release(keep_empty=ran and output.key in _MAY_BE_EMPTY)
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


def _check_family(output: Output) -> None:
    """Refuse a name that the recorder of a running line gives to frames of another size.

    That line holds the name without a size. To look closes the file, so it comes before any lock.
    """
    of_size = _SIZED_STEM.fullmatch(output.path.stem)
    first = output.path.with_stem(of_size[1]) if of_size is not None else output.path
    if of_size is None or not first.is_file():
        return
    try:
        with first.open("rb") as file:
            check_free(file.fileno())
    except FileHeldError as error:
        raise LineError(f"{output.key}: {output.path}: for frames of that size, {error}") from None
    except OSError:  # there is none, or it is none of ours
        return


def _missing_folders(path: Path) -> Iterator[Path]:
    parents = Path(os.path.realpath(path)).parents
    return reversed([folder for folder in parents if not folder.exists()])
