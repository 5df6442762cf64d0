import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.errors import LineError
from pipeline.memory.run_file import leave_run, read_run
from pipeline.topology import RunSpec
from tests.pipeline.frames import LEFT, make_run


def make(run_dir: Path, revision: int, **options: Any) -> RunSpec:
    """A run whose stage `left` has these options."""
    run = make_run(run_dir)
    processes = list(run.processes)
    processes[LEFT] = msgspec.structs.replace(processes[LEFT], options=options)
    return msgspec.structs.replace(run, processes=tuple(processes), revision=revision)


def test_what_was_left_last_is_read(tmp_path: Path) -> None:
    for revision in (1, 2):
        left = make(tmp_path, revision, lost_s=2.5, names=["\udcff"])
        left = msgspec.structs.replace(left, cameras=("yard", "gate"), ending=(0,), gone=(1,))
        leave_run(left)
    assert read_run(tmp_path) == left
    assert left.revision == 2


def test_a_run_is_for_its_owner_alone(tmp_path: Path) -> None:
    leave_run(make(tmp_path, 1, url="rtsp://admin:S3cret@cam"))
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_run_without_room_is_refused_and_the_last_one_stays(tmp_path: Path) -> None:
    """The file of a run may not grow in this process, as in a full /dev/shm."""
    before = make(tmp_path, 1, lost_s=2.5)
    leave_run(before)
    code = (
        "import resource, signal, sys; from pathlib import Path;"
        "from pipeline.memory.run_file import *;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "run = read_run(Path(sys.argv[1]));"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64));"
        "leave_run(run)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=False, text=True
    )
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"{LineError.__module__}.LineError: {tmp_path}/run: ")
    assert said.endswith(f" bytes: {os.strerror(errno.EFBIG)}")
    assert read_run(tmp_path) == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_directory_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LineError, match="No such file or directory"):
        leave_run(make(tmp_path / "none", 1))
