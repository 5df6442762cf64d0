"""What the helper of the tests says of a line is so."""

import graphlib
from pathlib import Path

import pytest

from pipeline.client import DetectionMessage
from tests.pipeline.messages import make_message
from tests.running_line import join_messages, look_at_recordings


def _message(camera: str, frame_id: int, captured: int) -> DetectionMessage:
    return make_message(frame_id, camera, captured_mono_ns=captured)


def test_files_of_stepped_days_are_read_in_the_order_of_writing() -> None:
    """The clock was set back for so short a time that only one camera had a message then."""
    first = [_message("clip", 0, 10), _message("gate", 0, 11), _message("gate", 1, 21)]
    stepped = [_message("gate", 2, 31)]
    last = [_message("clip", 1, 19), _message("gate", 3, 41)]
    assert join_messages([stepped, first, [], last]) == [*first, *stepped, *last]


def test_frames_that_come_twice_are_not_put_in_order() -> None:
    first = [_message("gate", 0, 10), _message("gate", 1, 20), _message("gate", 2, 30)]
    again = [_message("gate", 1, 20)]
    assert join_messages([again, first]) == [*first, *again]


def test_cameras_that_contradict_each_other_are_found_out() -> None:
    one = [_message("clip", 0, 10), _message("gate", 1, 20)]
    other = [_message("gate", 0, 10), _message("clip", 1, 20)]
    with pytest.raises(graphlib.CycleError):
        join_messages([one, other])


def test_a_file_that_gets_the_name_of_its_day_meanwhile_is_looked_at_under_that(
    tmp_path: Path,
) -> None:
    now, day = tmp_path / "out.jsonl", tmp_path / "out.2026-12-01.jsonl"
    now.write_text("a line\n")

    def look(path: Path) -> tuple[str, str]:
        if path == now and not day.exists():
            now.rename(day)
        return path.name, path.read_text()

    assert look_at_recordings(now, look) == [(day.name, "a line\n")]
