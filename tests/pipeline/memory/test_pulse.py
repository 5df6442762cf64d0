"""A line has a pulse while results come of the frames that come."""

import pytest

from pipeline.memory.pulse import Flow, Pulse


class Clock:
    """Seconds that the test lets pass."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Camera:
    """What a camera gives a second, and how many results there are of it."""

    def __init__(self) -> None:
        self.came = self.published = 0

    def flow(self, fps: int, results: int) -> Flow:
        self.came += fps
        self.published += results
        return Flow(self.came, self.published)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def stuck_after(clock: Clock, pulse: Pulse, seconds: int, fps: int, results: int) -> int | None:
    """After how many seconds of this the camera is stuck; None if it is not."""
    camera = Camera()
    for second in range(seconds):
        if pulse.find_stuck({"gate": camera.flow(fps, results)}):
            return second
        clock.now_s += 1.0
    return None


@pytest.mark.parametrize(("fps", "results"), [(25, 25), (25, 1), (0, 0), (1, 1)])
def test_results_or_no_frames_are_a_pulse(clock: Clock, fps: int, results: int) -> None:
    assert stuck_after(clock, Pulse(30.0, clock), 200, fps, results) is None


def test_frames_without_results_are_none_after_the_patience(clock: Clock) -> None:
    assert stuck_after(clock, Pulse(30.0, clock), 200, 25, 0) == 31


def test_a_last_frame_without_a_result_is_not_waited_for(clock: Clock) -> None:
    """It was dropped, and then the camera was gone."""
    pulse = Pulse(30.0, clock)
    pulse.find_stuck({"gate": Flow(10, 9)})
    for _ in range(100):
        clock.now_s += 1.0
        assert pulse.find_stuck({"gate": Flow(11, 9)}) == []


def test_after_an_absence_the_patience_begins_anew(clock: Clock) -> None:
    pulse = Pulse(30.0, clock)
    for _ in range(100):
        pulse.find_stuck({"gate": Flow(10, 10)})
        clock.now_s += 1.0
    came = 10
    for _ in range(30):
        came += 1
        assert pulse.find_stuck({"gate": Flow(came, 10)}) == []
        clock.now_s += 1.0
    clock.now_s += 3.0
    assert pulse.find_stuck({"gate": Flow(came + 1, 10)}) == ["gate"]


def test_each_camera_has_its_own_and_may_leave(clock: Clock) -> None:
    pulse, came = Pulse(30.0, clock), 0
    for _ in range(60):
        came += 1
        stuck = pulse.find_stuck({"gate": Flow(came, 0), "yard": Flow(came, came)})
        clock.now_s += 1.0
    assert stuck == ["gate"]
    assert pulse.find_stuck({"yard": Flow(came + 1, came + 1)}) == []
