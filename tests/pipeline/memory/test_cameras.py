import time
from pathlib import Path

import pytest

from pipeline.memory.cameras import CameraState
from pipeline.memory.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path, 2, 3)


def test_a_camera_is_connecting_until_something_is_known(ledger: Ledger) -> None:
    entry = ledger.camera(0)
    assert (entry.state, entry.why, entry.epoch) == (CameraState.CONNECTING, "", 0)
    assert entry.since_unix_ns > 0


def test_since_moves_when_the_state_does(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    begin_ns = ledger.camera(0).since_unix_ns
    monkeypatch.setattr(time, "time_ns", lambda: 5)
    writer = ledger.camera_writer(0)
    writer.set_state(CameraState.CONNECTING, "no route")
    assert ledger.camera(0).status == (CameraState.CONNECTING, begin_ns, "no route")
    writer.set_state(CameraState.LIVE)
    assert ledger.camera(0).status == (CameraState.LIVE, 5, "")


def test_a_shorter_reason_leaves_nothing_of_the_one_before(ledger: Ledger) -> None:
    writer = ledger.camera_writer(0)
    writer.set_state(CameraState.STALLED, "silent for ten seconds")
    writer.set_state(CameraState.STALLED, "gone")
    assert ledger.camera(0).why == "gone"


def test_a_long_reason_is_cut_and_still_text(ledger: Ledger) -> None:
    ledger.camera_writer(0).set_state(CameraState.LOST, "ü" * 500)
    why = ledger.camera(0).why
    assert why.startswith("ü" * 99)
    assert len(why.encode()) <= 203


def test_an_epoch_has_a_number_and_a_size(ledger: Ledger) -> None:
    ledger.camera_writer(1).begin_epoch(3, (640, 480))
    assert (ledger.camera(1).epoch, ledger.camera(1).size_wh) == (3, (640, 480))
    assert (ledger.camera(0).epoch, ledger.camera(0).size_wh) == (0, (0, 0))


def test_each_state_has_its_name() -> None:
    assert [state.label for state in CameraState] == [state.name.lower() for state in CameraState]


def test_a_stay_begins_with_a_frame_and_without_a_state_of_the_last(ledger: Ledger) -> None:
    writer = ledger.camera_writer(1)
    writer.begin_epoch(3, (64, 48))
    writer.set_state(CameraState.ENDED, "removed")
    writer.begin_stay(17)
    entry = ledger.camera(1)
    assert (entry.state, entry.why, entry.first_frame) == (CameraState.CONNECTING, "", 17)
    assert entry.epoch == 3
    assert ledger.camera(0).first_frame == 0
