from pathlib import Path

import pytest

from pipeline.errors import LineError
from stages.recording.told import Told


def test_a_successor_knows_what_was_told(tmp_path: Path) -> None:
    told = Told(tmp_path / "told", cameras=3)
    assert [told.next_seq(camera) for camera in range(3)] == [0, 0, 0]
    told.note(1, 0)
    told.note(2, 40)
    # No close: it was killed.
    successor = Told(tmp_path / "told", cameras=3)
    assert [successor.next_seq(camera) for camera in range(3)] == [0, 1, 41]
    told.close()
    successor.close()


def test_an_event_that_is_told_again_changes_nothing(tmp_path: Path) -> None:
    told = Told(tmp_path / "told", cameras=1)
    for seq in (7, 3, 7):
        told.note(0, seq)
    assert told.next_seq(0) == 8
    assert Told(tmp_path / "told", cameras=1).next_seq(0) == 8
    told.close()


def test_no_room_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "told"
    path.symlink_to("/dev/full")
    with pytest.raises(LineError, match=f"{path}: 8 bytes: "):
        Told(path, cameras=1)
