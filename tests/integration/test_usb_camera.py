"""A whole line with a USB camera, for which a library stands in the place of the kernel."""

from pathlib import Path

import pytest

from tests.conftest import StartLine
from tests.running_line import wait_until
from tests.stages.readers.v4l2.fake_camera import FakeCamera

DEVICE = "/dev/video250"  # is a camera by its name; no machine has so many
MODE = "{format: MJPG, size: [1280, 720], fps: 60}"


@pytest.fixture
def _camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FakeCamera(tmp_path, DEVICE).environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_camera")
def test_a_camera_sends_what_it_was_asked_for(start_line: StartLine) -> None:
    line = start_line("--set", f"sources=[{{uri: 250, v4l2: {MODE}, freeze_s: null}}]")
    line.wait_for_messages(20)
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    messages = line.messages()
    assert {(m.width, m.height, m.epoch) for m in messages} == {(1280, 720, 1)}
    assert [m.pts_ns for m in messages] == sorted({m.pts_ns for m in messages})
    assert f"{DEVICE}: sends MJPG 1280x720 at 60 fps" in line.stderr


@pytest.mark.usefixtures("_camera")
def test_a_camera_that_is_unplugged_is_waited_for(
    start_line: StartLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_CAMERA_MOST", "40")
    monkeypatch.setenv("FAKE_CAMERA_END", "unplugged")
    line = start_line("--set", "sources=[{uri: 250, freeze_s: null, retry: {first_s: 0.1}}]")
    wait_until(lambda: line.complaints("the camera stopped: it was unplugged") == 1, "it is told")
    assert line.process.poll() is None
    ledger = line.ledger()
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    # On a busy machine, the camera may be gone before the other stages have started.
    assert 0 < ledger.captured() == ledger.results() + ledger.losses()
