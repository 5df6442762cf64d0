"""The last events: there as a whole, or told to be lost."""

import shutil
from pathlib import Path

from stages.events.ending import (
    forget_ending,
    read_camera_ending,
    read_ending,
    write_camera_ending,
    write_ending,
)
from tests.log_lines import hear


def test_what_was_written_is_read_until_it_is_forgotten(tmp_path: Path) -> None:
    write_ending(tmp_path, {0: b"gate", 3: b""})
    write_camera_ending(tmp_path, 1, b"yard")
    assert read_ending(tmp_path) == {0: b"gate", 3: b""}
    assert read_camera_ending(tmp_path, 1) == b"yard"
    forget_ending(tmp_path)
    assert read_ending(tmp_path) == {}
    assert read_camera_ending(tmp_path, 2) == b""


def test_a_directory_of_the_run_that_somebody_has_removed_is_one_error(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    shutil.rmtree(run_dir)
    with hear() as lines:
        write_ending(run_dir, {0: b"gate"})
        write_camera_ending(run_dir, 1, b"yard")
    line, camera = lines
    assert "No such file or directory: the last events of the line are lost" in line
    assert "No such file or directory: the last events of a camera that is removed" in camera
