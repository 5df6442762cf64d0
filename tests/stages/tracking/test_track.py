from pathlib import Path

import msgspec
import numpy as np
import pytest

from pipeline.memory.frame_ref import NO_FRAME, Mark
from stages.events.outbox import decode_waiting
from stages.kernels.detections import NO_DETECTIONS, Detections, encode_detections
from stages.slot import DetectionBody
from tests.stages.tracking.tracking_bench import Tracking, seen


@pytest.fixture
def line(short_dir: Path) -> Tracking:
    return Tracking(short_dir)


def test_an_object_keeps_its_id_and_what_is_low_is_kept_back(line: Tracking) -> None:
    assert [line.ids(k) for k in range(4)] == [[1]] * 4


def test_each_camera_counts_by_itself(line: Tracking) -> None:
    assert line.ids(0) == [1]
    assert line.ids(0, camera=1) == [1]
    assert line.ids(1) == line.ids(1, camera=1) == [1]


def test_a_camera_that_is_not_tracked_has_its_published_detections_and_no_ids(
    line: Tracking,
) -> None:
    found = line.track(0, camera=2)
    assert found is not None
    assert found.scores.tolist() == pytest.approx([0.9])
    assert found.track_ids is None
    only_high = Detections(
        np.array([[1, 2, 3, 4]], np.float32), np.array([0.5], np.float32), np.array([1], np.int32)
    )
    body = DetectionBody(encode_detections(only_high))
    frame = line.make_frame(1, body, camera=2)
    assert line.handle(frame).body == body


def test_a_new_epoch_ends_all_tracks(line: Tracking) -> None:
    assert [line.ids(0), line.ids(1)] == [[1], [1]]
    assert line.ids(2, epoch=2) == [2]
    assert line.ids(3, epoch=2) == [2]


def test_the_clock_of_a_new_epoch_may_begin_again(line: Tracking) -> None:
    line.ids(9)
    assert line.ids(10, epoch=2) == [2]
    line.ring.times[:, 0] = 0
    assert [line.ids(k, epoch=3) for k in (11, 12)] == [[3], [3]]


def test_the_ledger_says_whose_objects_are_followed(line: Tracking) -> None:
    """Also those without an id, those of a predecessor, and no longer than they are."""

    def followed() -> list[bool]:
        return [line.ledger.is_followed(camera) for camera in range(3)]

    assert followed() == [False, False, False]
    line.track(0, seen(10, score=0.41))
    assert followed() == [True, False, False]
    line.ledger.follow_writer().set_followed(0, False)
    line.restart()
    assert followed() == [True, False, False]
    for number in range(1, 4):
        line.track(number, DetectionBody(encode_detections(NO_DETECTIONS)))
    assert followed() == [False, False, False]


def test_an_idle_frame_changes_nothing_and_carries_the_events_that_wait(line: Tracking) -> None:
    line.ids(0)
    idle = [line.make_frame(number) for number in (1, 2)]
    for frame in idle:
        frame.ref = msgspec.structs.replace(frame.ref, mark=Mark.IDLE)
    carrier = line.handle(idle[0]).body
    assert decode_waiting(carrier.events, NO_FRAME), "the track has begun"
    line.ids(3)
    line.pass_on("publish", 3)
    line.pass_on("record_jsonl", 3)
    line.ids(4)
    assert line.handle(idle[1]).body == DetectionBody(encode_detections(NO_DETECTIONS))
    assert line.ledger.is_followed(0)
    assert line.ids(5) == [1]


def test_a_frame_that_failed_is_nothing_but_time(line: Tracking) -> None:
    line.ids(0)
    found = line.track(1, failure="detect: no memory")
    assert found is not None  # it carries the event of the track that has begun
    assert len(found) == 0
    assert line.ids(2) == [1]


def test_tracks_survive_the_process(line: Tracking) -> None:
    line.ids(0)
    line.ids(1)
    line.restart()
    assert [line.ids(k) for k in (2, 3)] == [[1], [1]]


def test_a_successor_says_of_a_frame_what_was_said(line: Tracking) -> None:
    before = [line.track(k) for k in range(3)]
    line.restart()
    for number, said in enumerate(before):
        again = line.track(number)
        assert said is not None
        assert again is not None
        assert encode_detections(again) == encode_detections(said)
    assert line.ids(3) == [1]


def test_a_frame_that_was_tracked_and_not_counted_is_not_tracked_again(line: Tracking) -> None:
    """The process was killed between its memory and the ledger."""
    line.ids(0)
    before = line.track(1, seen(90), count=False)  # another object, with the id 2
    assert before is not None
    line.restart()
    again = line.track(1, seen(90))
    assert again is not None
    assert encode_detections(again) == encode_detections(before)
    assert line.track(2, seen(91)).track_ids.tolist() == [2]  # type: ignore[union-attr]


def test_a_frame_in_a_new_slot_has_no_ids_and_is_not_tracked_again(line: Tracking) -> None:
    """The capture process was killed as well, and has read the frame of a file again."""
    line.ids(0)
    line.ids(1)
    line.ring.slots[1]["tracked"][:] = 0
    line.restart()
    again = line.track(1, epoch=2)
    assert again is not None
    assert again.scores.tolist() == pytest.approx([0.9])
    assert again.track_ids is None
    assert line.ids(2, epoch=2) == [2]


@pytest.mark.parametrize("killed_at", range(1, 8))
def test_ids_never_repeat_wherever_the_process_is_killed(line: Tracking, killed_at: int) -> None:
    """Each second frame begins an epoch, and so another track."""
    ids = []
    for number in range(8):
        if number == killed_at:
            line.restart()
        ids += line.ids(number, epoch=1 + number // 2)
    assert ids == [1, 1, 2, 2, 3, 3, 4, 4]
