"""Frames of which the publisher, `right`, has finished some."""

from pathlib import Path

import pytest

from pipeline.memory.ledger import Ledger
from pipeline.memory.results import Results
from tests.pipeline.frames import RIGHT, make_live_ring, make_ref, make_ring, make_run, publish_by


class Line:
    """One camera; frame n is in slot n."""

    def __init__(self, run_dir: Path, *, lossless: bool, publisher: str = "right") -> None:
        run = publish_by(publisher, make_run(run_dir))
        self.ledger = Ledger.create(run_dir, 1, len(run.processes))
        self.ring = (make_ring if lossless else make_live_ring)(run_dir, slots=16)
        for frame_id in range(16):
            self.ring.take(frame_id)
            self.ring.name(frame_id, frame_id, 0, 0)
        self.results = Results(run, self.ledger)

    def publish(self, frame_id: int) -> None:
        self.ring.finish(make_ref(frame_id, slot=frame_id), RIGHT)
        self.ledger.counters(0, RIGHT).finish(frame_id, failed=False)

    def has(self, frame_id: int) -> bool:
        has = self.results.has(0, self.ring, frame_id)
        assert has == self.results.is_published(0, self.ring, frame_id)
        return has


@pytest.fixture
def live(tmp_path: Path) -> Line:
    return Line(tmp_path, lossless=False)


def test_a_frame_that_is_published_has_a_result(live: Line) -> None:
    live.publish(7)
    assert live.has(7)
    assert not live.has(8)


def test_a_frame_of_a_live_camera_that_was_overtaken_has_none(live: Line) -> None:
    live.publish(5)
    live.publish(7)
    assert [live.has(frame_id) for frame_id in (5, 6, 7)] == [True, False, True]


def test_all_frames_of_a_file_up_to_the_last_have_one(tmp_path: Path) -> None:
    """A restarted process of the source reads some again, into a ring that is new."""
    line = Line(tmp_path, lossless=True)
    line.publish(7)
    assert line.has(6)
    assert not line.has(8)


def test_a_frame_that_its_publisher_has_finished_and_not_counted_has_none(live: Line) -> None:
    """It was killed right there, and its successor gets the frame again."""
    live.ring.finish(make_ref(7, slot=7), RIGHT)
    assert not live.has(7)


def test_a_frame_that_is_being_published_has_a_result_soon(live: Line) -> None:
    live.ledger.heartbeat(RIGHT, 9.0).take(make_ref(8))
    assert live.results.has(0, live.ring, 8)
    assert not live.results.is_published(0, live.ring, 8)
    assert not live.results.has(0, live.ring, 9)


def test_no_frame_has_a_result_where_no_stage_publishes(tmp_path: Path) -> None:
    line = Line(tmp_path, lossless=True, publisher="none")
    assert not line.has(0)
