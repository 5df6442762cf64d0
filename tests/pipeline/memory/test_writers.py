"""What publish and the supervisor write, and how their successors go on."""

from pathlib import Path

import pytest

from pipeline.memory.counters import DropReason
from pipeline.memory.ledger import Ledger
from tests.pipeline.frames import make_ref

CAMERAS, PROCESSES = 2, 3


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path, CAMERAS, PROCESSES)


def test_ages_are_counted_by_camera(ledger: Ledger) -> None:
    for age_ms in (5.0, 5.0, 1e12):
        ledger.publish_writer().count_age(1, age_ms)
    assert int(ledger.ages(1).sum()) == 3
    assert ledger.ages(1)[-1] == 1, "older than all buckets"
    assert not ledger.ages(0).any()
    assert ledger.all_age_sums_us(range(CAMERAS)) == [0, 10_000 + 10**15]


def test_losses_are_told_once_by_whichever_process_publishes(
    ledger: Ledger, tmp_path: Path
) -> None:
    for _ in range(3):
        ledger.counters(0, 1).drop(DropReason.NEWEST_WINS)
    first = ledger.publish_writer()
    assert first.take_new_drops(0) == {"newest_wins": 3}, "drops before its start count too"
    for _ in range(2):
        ledger.counters(0, 1).drop(DropReason.NEWEST_WINS)
    ledger.counters(0, 2).drop(DropReason.NOT_RECORDED)
    successor = Ledger.attach(tmp_path).publish_writer()
    assert successor.take_new_drops(0) == {"newest_wins": 2}
    assert successor.take_new_drops(0) == {}
    assert first.take_new_drops(1) == {}


def test_the_cameras_whose_objects_are_followed_outlive_the_process(
    ledger: Ledger, tmp_path: Path
) -> None:
    assert [ledger.is_followed(camera) for camera in range(CAMERAS)] == [False, False]
    ledger.follow_writer().set_followed(1, True)
    successor = Ledger.attach(tmp_path)
    assert [successor.is_followed(camera) for camera in range(CAMERAS)] == [False, True]
    successor.follow_writer().set_followed(1, False)
    assert not ledger.is_followed(1)


def test_a_replay_is_asked_of_every_camera(ledger: Ledger) -> None:
    for _ in range(2):
        ledger.supervisor_writer().request_replay()
    assert [ledger.replays(camera) for camera in range(CAMERAS)] == [2, 2]


def test_a_frame_to_be_skipped_is_of_one_camera_and_one_stage(ledger: Ledger) -> None:
    assert not any(ledger.is_skipped(camera, 0, 0) for camera in range(CAMERAS))
    ledger.supervisor_writer().skip_frame(1, 2, 7)
    assert ledger.is_skipped(1, 2, 7)
    assert not ledger.is_skipped(1, 2, 8)
    assert not ledger.is_skipped(1, 1, 7)
    assert not ledger.is_skipped(0, 2, 7)


def test_the_frame_that_a_dead_process_worked_on_is_taken_once(ledger: Ledger) -> None:
    ledger.heartbeat(1, 10.0).take(make_ref(4, camera=1))
    ledger.heartbeat(2, 10.0).take(make_ref(5, camera=0))
    assert ledger.supervisor_writer().take_held_frame(1) == (1, 4)
    assert ledger.supervisor_writer().take_held_frame(1) is None
    assert ledger.process(2).held_frame == (0, 5)
