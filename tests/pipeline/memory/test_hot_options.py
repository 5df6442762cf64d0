import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import LineError
from pipeline.memory.hot_options import HotOptions, leave_hot_options, read_hot_options


def test_what_was_left_last_is_read(tmp_path: Path) -> None:
    for revision in (1, 2):
        left = HotOptions(revision, {4: {"lost_s": 2.5, "names": ["\udcff"]}, 5: {}})
        leave_hot_options(tmp_path, left)
    assert read_hot_options(tmp_path) == left
    assert left.revision == 2


def test_options_are_for_their_owner_alone(tmp_path: Path) -> None:
    leave_hot_options(tmp_path, HotOptions(1, {4: {"url": "rtsp://admin:S3cret@cam"}}))
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_options_without_room_are_refused_and_the_last_ones_stay(tmp_path: Path) -> None:
    """The file of a run may not grow in this process, as in a full /dev/shm."""
    before = HotOptions(1, {4: {"lost_s": 2.5}})
    leave_hot_options(tmp_path, before)
    code = (
        "import resource, signal, sys; from pathlib import Path;"
        "from pipeline.memory.hot_options import *;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64));"
        "leave_hot_options(Path(sys.argv[1]), HotOptions(2, {4: {'names': ['x' * 500]}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=False, text=True
    )
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"{LineError.__module__}.LineError: {tmp_path}/hot_options: ")
    assert said.endswith(f" bytes: {os.strerror(errno.EFBIG)}")
    assert read_hot_options(tmp_path) == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_directory_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LineError, match="No such file or directory"):
        leave_hot_options(tmp_path / "none", HotOptions(1, {}))
