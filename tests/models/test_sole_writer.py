"""Locks between processes: they wait, are refused, and are let in when another one is killed."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from models.sole_writer import HeldError, holding, waiting
from tests.models.told import Told
from tests.running_line import REPOSITORY

pytestmark = pytest.mark.torch

_HOLDER = """
import sys
from pathlib import Path
from models import sole_writer
with getattr(sole_writer, sys.argv[1])(Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""


def start_holder(how: str, path: Path) -> "subprocess.Popen[str]":
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, how, str(path)],
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_folder_of_another_process_is_refused_until_that_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with start_holder("holding", folder) as holder:
        with pytest.raises(HeldError), holding(folder):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with holding(folder):
            assert list(folder.iterdir()) == []


def test_a_file_of_another_process_is_waited_for_until_that_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, order = tmp_path / "made.partial", list[str]()

    def write() -> None:
        with waiting(path):
            order.append("written")
            path.write_text("whole")

    with start_holder("waiting", path) as holder:
        writer, told = threading.Thread(target=write), Told(monkeypatch)
        writer.start()
        told.wait_for("waits for another process")
        order.append("killed")
        holder.send_signal(signal.SIGKILL)
        writer.join()
    assert told.text == f"{path}: waits for another process, which writes it\n"
    assert order == ["killed", "written"]
    assert path.read_text() == "whole"


def test_a_file_that_was_renamed_meanwhile_is_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, whole = tmp_path / "made.partial", tmp_path / "made"
    found = list[bool]()

    def look() -> None:
        with waiting(path):
            found.append(whole.exists())

    told = Told(monkeypatch)
    with waiting(path):
        other = threading.Thread(target=look)
        other.start()
        told.wait_for("waits for another process")
        path.write_text("whole")
        path.replace(whole)
    other.join()
    assert found == [True]
    assert whole.read_text() == "whole"
    assert not path.exists()  # it stayed empty


def test_a_file_that_nothing_is_written_to_goes(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "made.partial"
    with waiting(path):
        assert path.exists()
    assert not path.exists()


def test_a_folder_on_a_file_system_that_locks_no_folders_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))  # as NFS does

    monkeypatch.setattr(fcntl, "flock", refuse)
    with holding(tmp_path / "run"):
        assert (tmp_path / "run").is_dir()
