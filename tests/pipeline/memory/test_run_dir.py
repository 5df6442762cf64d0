import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import LineError
from pipeline.memory.run_dir import RunDir, remove_stale

# Makes a run directory, says where, and waits to be killed.
OWNER = """
import sys, time
from pathlib import Path
from pipeline.memory.run_dir import RunDir
print(RunDir(Path(sys.argv[1])).path, flush=True)
time.sleep(600)
"""


def test_a_run_has_a_private_directory_of_its_own(tmp_path: Path) -> None:
    first, second = RunDir(tmp_path), RunDir(tmp_path)
    assert first.path != second.path
    assert first.path.stat().st_mode & 0o777 == 0o700
    for run_dir in (first, second):
        run_dir.remove()
    assert list(tmp_path.iterdir()) == []


def test_removal_takes_everything_in_it(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path)
    (run_dir.path / "ring.0.1").write_bytes(b"x")
    (run_dir.path / "folder").mkdir()
    run_dir.remove()
    assert not run_dir.path.exists()


def test_a_killed_run_is_removed_by_the_next_and_a_living_one_is_left_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    living = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    killed = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert living.stdout is not None
        assert killed.stdout is not None
        alive, dead = Path(living.stdout.readline().strip()), Path(killed.stdout.readline().strip())
        assert remove_stale(tmp_path) == []
        killed.kill()
        killed.wait()
        run_dir = RunDir(tmp_path)
        assert not dead.exists()
        assert alive.exists()
        run_dir.remove()
    finally:
        for process in (living, killed):
            process.kill()
            process.communicate()


def test_a_directory_between_its_making_and_its_lock_is_left_alone(tmp_path: Path) -> None:
    begun = tmp_path / "thunderline-begun"
    begun.mkdir()
    (begun / "unlocked").touch()
    assert remove_stale(tmp_path) == []
    assert begun.exists()


def test_what_belongs_to_others_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other-program").mkdir()
    (tmp_path / "other-program" / "lock").touch()
    assert remove_stale(tmp_path) == []


def test_children_do_not_keep_the_lock_of_a_killed_run(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; from pathlib import Path;"
        "from pipeline.memory.run_dir import RunDir;"
        "print(RunDir(Path(sys.argv[1])).path, flush=True);"
        "print(subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL).pid, flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, check=True, text=True
    )
    path, child = done.stdout.split()
    try:
        assert remove_stale(tmp_path) == [Path(path)]
    finally:
        os.kill(int(child), 9)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none"
    with pytest.raises(LineError, match=re.escape(f"shared memory at {path}: No such file or dir")):
        RunDir(path)
