import numpy as np
import pytest

from pipeline.source import SourceStalled
from stages.readers import freeze
from stages.readers.freeze import FreezeGuard

S = 1_000_000_000


class Camera:
    """Frames at 10 fps on a clock of the test's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 50 * S
        monkeypatch.setattr(freeze, "monotonic_ns", lambda: self.now_ns)
        self.guard = FreezeGuard(10.0)

    def show(self, *levels: int) -> list[bool]:
        """Whether each frame passes."""
        passed = []
        for level in levels:
            self.now_ns += S // 10
            passed.append(self.guard.is_moving(np.full((48, 64, 3), level, np.uint8)))
        return passed

    def freeze(self, level: int) -> int:
        """How many equal frames pass before the guard notices."""
        for count in range(1000):
            try:
                self.show(level)
            except SourceStalled:
                return count
        raise AssertionError("never noticed")


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Camera:
    return Camera(monkeypatch)


def test_the_error_names_the_limit(camera: Camera) -> None:
    with pytest.raises(SourceStalled, match=r"^the frame has not changed for 10 s$"):
        camera.show(*[7] * 200)


def test_frames_that_change_now_and_then_pass(camera: Camera) -> None:
    for level in range(20):
        assert all(camera.show(*[level] * 90))


def test_a_frame_that_stays_the_same_is_noticed_in_time(camera: Camera) -> None:
    assert 95 <= camera.freeze(7) <= 105


def test_a_frozen_frame_passes_in_no_connection_until_it_differs(camera: Camera) -> None:
    camera.freeze(7)
    for _ in range(3):
        camera.guard.reopen()
        assert camera.show(7, 7, 7) == [False] * 3
        camera.now_ns += 20 * S
        camera.guard.reopen()
        camera.freeze(7)
    camera.guard.reopen()
    assert camera.show(7, 8, 8, 9) == [False, True, True, True]


def test_time_without_a_connection_does_not_count(camera: Camera) -> None:
    assert camera.show(7, 7) == [True, True]
    camera.now_ns += 3600 * S
    camera.guard.reopen()
    assert camera.show(7, 7) == [True, True]


def test_one_row_that_differs_is_enough(camera: Camera) -> None:
    frame = np.zeros((48, 64, 3), np.uint8)
    camera.guard.is_moving(frame)
    for step in range(400):
        camera.now_ns += S // 10
        frame[8, 5] = step % 251
        assert camera.guard.is_moving(frame)
