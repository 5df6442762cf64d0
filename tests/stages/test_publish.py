from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from pipeline.client import (
    DetectionMessage,
    DetectionSubscriber,
    Message,
    ModelInfo,
    StatusMessage,
)
from pipeline.links.parcel import Parcel
from pipeline.memory.cameras import CameraState
from pipeline.memory.counters import DropReason
from pipeline.memory.frame_ref import Mark
from stages.kernels.detections import Detections, decode_detections, encode_detections
from stages.publish import Publish, PublishOptions
from stages.slot import DetectionBody, PublishedBody
from tests.running_line import wait_until
from tests.stages.stage_bench import LABELS, StageBench

CAR = DetectionBody(
    encode_detections(
        Detections(
            np.array([[1.234567, 2, 30, 40]], np.float32),
            np.array([0.765432], np.float32),
            np.array([2], np.int32),
        )
    )
)
NOTHING = DetectionBody(
    encode_detections(
        Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))
    )
)


class Publishing(StageBench):
    """The stage, and the messages that it makes."""

    def __init__(self, run_dir: Path, *, tracks: bool = False) -> None:
        super().__init__(run_dir, "publish")
        self._tracks = tracks
        self._endpoint = f"ipc://{run_dir}/pub"
        self.restart()

    def restart(self) -> None:
        """Start the stage, as a successor of one that was killed if there was one."""
        model = ModelInfo("tiny", "ab")
        options = PublishOptions(self._endpoint, LABELS, model, tracks=self._tracks)
        self.stage = Publish(options, self.context)
        self.start(self.stage)

    def publish(
        self, frame_id: int, body: DetectionBody | None = CAR, failure: str = ""
    ) -> DetectionMessage:
        return self.decode(self.handle(self.make_frame(frame_id, body, failure=failure)))

    def decode(self, result: Parcel[PublishedBody | None]) -> DetectionMessage:
        assert result.body is not None
        return msgspec.msgpack.decode(result.body.message, type=DetectionMessage)

    def drop(self, reason: DropReason, times: int = 1) -> None:
        for _ in range(times):
            self.ledger.counters(0, 1).drop(reason)


@pytest.fixture
def line(short_dir: Path) -> Iterator[Publishing]:
    line = Publishing(short_dir)
    yield line
    line.stage.close()


def test_a_message_says_what_was_found_where(line: Publishing) -> None:
    message = line.publish(7)
    (car,) = message.detections
    assert (car.label, car.class_id) == ("car", 2)
    assert car.score == 0.7654
    assert car.box == (1.23, 2.0, 30.0, 40.0)
    assert (message.camera, message.frame_id, message.epoch) == ("yard", 7, 1)
    assert (message.width, message.height, message.status) == (128, 96, "ok")
    assert message.model == ModelInfo("tiny", "ab")


def test_a_tracked_object_has_its_number_in_the_message(line: Publishing) -> None:
    found = decode_detections(CAR.encoded)
    tracked = msgspec.structs.replace(found, track_ids=np.array([41], np.int64))
    (car,) = line.publish(0, DetectionBody(encode_detections(tracked))).detections
    assert (car.label, car.track_id) == ("car", 41)
    (car,) = line.publish(1).detections
    assert car.track_id is None


def test_an_empty_frame_gives_a_message_and_is_not_a_failure(line: Publishing) -> None:
    empty = line.publish(0, NOTHING)
    assert (empty.status, empty.detections, empty.why) == ("ok", (), "")
    failed = line.publish(1, None, failure="detect: no memory")
    assert (failed.status, failed.detections, failed.why) == ("error", (), "detect: no memory")


def test_a_frame_that_was_skipped_says_so(line: Publishing) -> None:
    frame = line.make_frame(failure="detect: died or hung on this frame before")
    frame.ref = msgspec.structs.replace(frame.ref, mark=Mark.SKIPPED)
    message = line.decode(line.handle(frame))
    assert (message.status, message.detections) == ("skipped", ())
    assert message.why == "detect: died or hung on this frame before"


def test_an_idle_frame_says_that_nothing_was_looked_at(line: Publishing) -> None:
    frame = line.make_frame(0)
    frame.ref = msgspec.structs.replace(frame.ref, mark=Mark.IDLE)
    first = line.handle(frame)
    message = line.decode(first)
    assert (message.status, message.detections, message.why) == ("idle", (), "")
    line.stage.close()
    line.restart()
    assert line.decode(line.handle(frame)).status == "idle", "a successor says the same"
    assert line.publish(1).seq == 1


def test_messages_are_numbered_without_gaps(line: Publishing) -> None:
    assert [line.publish(i).seq for i in (0, 3, 4, 9)] == [0, 1, 2, 3]


def test_a_frame_that_comes_again_is_the_same_message(line: Publishing) -> None:
    first = line.publish(0)
    line.publish(1)
    assert line.publish(0) == first


def test_a_successor_numbers_a_frame_that_comes_again_as_before(line: Publishing) -> None:
    for frame in range(3):
        line.publish(frame)
    line.stage.close()
    line.drop(DropReason.NEWEST_WINS)
    line.restart()
    again = [line.publish(frame) for frame in (1, 2)]
    assert [m.seq for m in again] == [1, 2]
    assert [m.drops for m in again] == [{}, {}]  # no drop is reported twice
    assert line.publish(3).seq == 3


def test_so_it_does_where_frames_of_a_live_camera_were_dropped(line: Publishing) -> None:
    numbers = (0, 5, 6, 11)
    assert [line.publish(frame).seq for frame in numbers] == [0, 1, 2, 3]
    line.stage.close()
    line.restart()
    assert [line.publish(frame).seq for frame in numbers] == [0, 1, 2, 3]
    assert line.publish(12).seq == 4


def test_drops_are_told_once_with_their_reason(line: Publishing) -> None:
    line.drop(DropReason.NEWEST_WINS, 2)
    line.drop(DropReason.RING_FULL)
    assert line.publish(3).drops == {"newest_wins": 2, "ring_full": 1}
    assert line.publish(4).drops == {}
    line.drop(DropReason.NEWEST_WINS)
    assert line.publish(6).drops == {"newest_wins": 1}


def test_ages_are_counted_once_per_frame(line: Publishing) -> None:
    line.publish(0)
    line.publish(0)
    line.stage.close()
    line.restart()
    line.publish(0)
    assert int(line.ledger.ages(0).sum()) == 1


def test_a_subscriber_gets_each_frame_once_and_each_state(line: Publishing) -> None:
    seen: list[Message] = []
    with DetectionSubscriber(line._endpoint, timeout_s=0.01) as subscriber:
        line.stage.idle()

        def has(kind: type[Message], count: int) -> bool:
            line.stage.idle()
            seen.extend(subscriber)
            return sum(isinstance(m, kind) for m in seen) >= count

        wait_until(lambda: has(StatusMessage, 1), "it is connected")
        line.ledger.camera_writer(0).set_state(CameraState.LIVE)
        wait_until(lambda: has(StatusMessage, 2), "the camera is live")
        for frame in (0, 0, 1):
            line.publish(frame)
        wait_until(lambda: has(DetectionMessage, 2), "frames arrive")
    frames = [m.frame_id for m in seen if isinstance(m, DetectionMessage)]
    assert frames == [0, 1]
    assert [m.state for m in seen if isinstance(m, StatusMessage)] == ["connecting", "live"]


def test_the_last_state_is_sent_at_the_end(short_dir: Path) -> None:
    line = Publishing(short_dir)
    with DetectionSubscriber(line._endpoint, timeout_s=0.01) as subscriber:

        def connected() -> bool:
            line.stage.idle()
            return subscriber.receive() is not None

        wait_until(connected, "it is connected")
        line.ledger.camera_writer(0).set_state(CameraState.ENDED)
        line.stage.close()
        seen: list[Message] = []

        def ended() -> bool:
            seen.extend(subscriber)
            return any(isinstance(m, StatusMessage) and m.state == "ended" for m in seen)

        wait_until(ended, "the end arrives")
