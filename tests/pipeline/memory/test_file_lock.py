"""Locks of output files, against a process of its own as the other line."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.memory.file_lock import FileHeldError, FileLock, check_free
from tests.running_line import REPOSITORY

HOLD = """
import sys
from pathlib import Path
from pipeline.memory.file_lock import FileLock
lock = FileLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""
Hold = Callable[[Path], subprocess.Popen[str]]


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Has another process hold a file until it is killed."""
    holders: list[subprocess.Popen[str]] = []

    def start(path: Path) -> subprocess.Popen[str]:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)],
            cwd=REPOSITORY, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        holders.append(holder)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        return holder

    yield start
    for holder in holders:
        holder.kill()
        holder.communicate()


def test_a_file_that_another_process_holds_is_refused_with_its_id(
    hold: Hold, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    path.write_text("kept")
    holder = hold(path)
    with pytest.raises(FileHeldError, match=f"^process {holder.pid} writes it now; is another"):
        FileLock(path)
    assert path.read_text() == "kept"


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_another_name_of_a_file_that_is_held_is_refused(
    hold: Hold, tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    path, alias = tmp_path / "out", tmp_path / "alias"
    hold(path)
    link(alias, path)
    with pytest.raises(FileHeldError):
        FileLock(alias)


def test_a_lock_ends_with_its_process_however_that_ends(hold: Hold, tmp_path: Path) -> None:
    holder = hold(tmp_path / "out")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    FileLock(tmp_path / "out").release(keep_empty=True)


def test_others_may_read_and_write_what_is_held(hold: Hold, tmp_path: Path) -> None:
    """As the recorder does, which is a process of its own."""
    path = tmp_path / "out"
    hold(path)
    path.write_text("recorded")
    assert path.read_text() == "recorded"


def test_a_look_tells_whether_another_process_holds_a_file(hold: Hold, tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.touch()
    with path.open("rb") as file:
        check_free(file.fileno())
        holder = hold(path)
        with pytest.raises(FileHeldError, match=f"process {holder.pid} "):
            check_free(file.fileno())


@pytest.mark.parametrize(("keep_empty", "left"), [(True, True), (False, False)])
def test_an_empty_file_that_the_lock_has_made_may_go(
    tmp_path: Path, keep_empty: bool, left: bool
) -> None:
    path = tmp_path / "out"
    FileLock(path).release(keep_empty=keep_empty)
    assert path.exists() is left


@pytest.mark.parametrize("content", ["", "of an earlier run"])
def test_a_file_that_was_there_stays(tmp_path: Path, content: str) -> None:
    path = tmp_path / "out"
    path.write_text(content)
    FileLock(path).release(keep_empty=False)
    assert path.read_text() == content


def test_a_file_that_was_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "out"
    lock = FileLock(path)
    path.write_text("recorded")
    lock.release(keep_empty=False)
    assert path.read_text() == "recorded"


def test_a_link_to_nothing_is_followed(tmp_path: Path) -> None:
    link, path = tmp_path / "link", tmp_path / "out"
    link.symlink_to(path)
    lock = FileLock(link)
    assert path.exists()
    lock.release(keep_empty=False)
    assert (link.is_symlink(), path.exists()) == (True, False)


def test_a_file_that_is_removed_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another start has made it, found something wrong, and removed it."""
    path, removed = tmp_path / "out", list[Path]()
    path.touch()
    lock_it = fcntl.lockf

    def remove_and_lock(*arguments: int) -> None:
        if not removed:
            path.unlink()
            removed.append(path)
        lock_it(*arguments)

    monkeypatch.setattr(fcntl, "lockf", remove_and_lock)
    lock = FileLock(path)
    assert os.path.samestat(os.fstat(lock.fd), path.stat())
    lock.release(keep_empty=True)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out")
    with pytest.raises(OSError, match="expected a regular file"):
        FileLock(tmp_path / "out")


def test_a_file_system_without_locks_is_said_and_does_not_hinder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    def refuse(*_arguments: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    FileLock(tmp_path / "out").release(keep_empty=True)
    assert said == [
        f"{tmp_path}/out: this file system has no locks (No locks available): "
        "a second line is not kept from it"
    ]
