"""One private directory in shared memory per run: frame rings, ledger and sockets of that run.

The supervisor holds a lock on the directory for as long as it lives. A directory whose lock is free
belongs to a dead run, and the next start of a line removes it. Directories of living runs stay.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from pipeline.errors import LineError

SHM_ROOT = Path("/dev/shm")
_PREFIX = "thunderline-"
_LOCK = "lock"


class RunDir:
    """Owns the directory of one run, from creation to removal."""

    def __init__(self, root: Path = SHM_ROOT) -> None:
        remove_stale(root)
        try:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))  # mode 0700
            self._lock = _make_lock(self.path)
        except OSError as error:
            raise LineError(f"shared memory at {root}: {error.strerror}") from None

    def remove(self) -> None:
        """Delete the directory with its content, and release the lock."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def ending_path(run_dir: Path, camera: int) -> Path:
    """What a stage leaves for others in `end_camera`, for them to read in `forget_camera`.

    The supervisor removes the file when all have done so.
    """
    return run_dir / f"ending.{camera}"


def run_name(path: Path) -> str:
    """What tells a run from others: the random part of its directory's name."""
    return path.name.removeprefix(_PREFIX)


def _make_lock(path: Path) -> int:
    """The lock file gets its name after it is locked, so that no other start finds it unlocked."""
    unlocked = path / "unlocked"
    try:
        lock = os.open(unlocked, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        path.rmdir()
        raise
    fcntl.flock(lock, fcntl.LOCK_EX)
    unlocked.rename(path / _LOCK)
    return lock


def remove_stale(root: Path = SHM_ROOT) -> list[Path]:
    """Remove the directories of runs that died without cleaning up; returns their paths."""
    removed = []
    for path in root.glob(_PREFIX + "*"):
        if _is_stale(path):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
    return removed


def living_runs(root: Path = SHM_ROOT) -> list[Path]:
    """The directories of the runs that go on, also those of other users."""
    return [path for path in root.glob(_PREFIX + "*") if path.is_dir() and not _is_stale(path)]


def _is_stale(path: Path) -> bool:
    try:
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # another user's, or a run that is between mkdir and lock
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
