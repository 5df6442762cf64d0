"""What opens the gate and what does not, on drawn pictures."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import cv2
import numpy as np
import pytest

from stages.kernels.gating.gate import Gate, GateOptions
from stages.kernels.gating.mask import Polygon
from stages.kernels.pixels import Pixels
from tests.stages.kernels.gating.film import SIDE, WH, Camera, Floats, Thing

FPS = 10
LEARNED = 50  # frames of a quiet camera, after which all is known
NEVER_S = 1e6
SETTLED = 35  # frames: a new background is known, and the gate is held no more


class Watch:
    """A gate, asked about one picture after the other."""

    def __init__(
        self, *, look_s: float = NEVER_S, fps: float = FPS, ignored: tuple[Polygon, ...] = ()
    ) -> None:
        self.gate = Gate(WH, GateOptions(look_s=look_s, ignored=ignored))
        self._fps = fps
        self._frames = 0

    def play(self, pictures: Iterable[Pixels], *, followed: bool = False) -> list[bool]:
        """Whether the gate is open at each picture."""
        said = []
        for picture in pictures:
            said.append(self.gate.is_open(picture, self._frames / self._fps, followed=followed))
            self._frames += 1
        return said


def learned(camera: Camera) -> Watch:
    """A gate that has seen the camera for a while, and is closed."""
    watch = Watch()
    assert not watch.play(camera.rest(LEARNED))[-1]
    return watch


def delay(said: Sequence[bool]) -> int:
    """Frames until the gate is open."""
    assert True in said, "it stays closed"
    return said.index(True)


# What is no motion ------------------------------------------------------------------------------


@pytest.mark.parametrize("brightness", [1.0, 0.1], ids=["day", "night"])
@pytest.mark.parametrize("noise", [0.0, 1.0, 6.0, 25.0])
def test_noise_alone_opens_nothing_once_it_is_known(noise: float, brightness: float) -> None:
    said = Watch().play(Camera(1, noise, brightness).rest(150))
    assert all(said[:20])
    assert not any(said[SETTLED:])


@pytest.mark.parametrize("fps", [1, 5, 30])
def test_what_is_usual_is_learned_at_any_frame_rate(fps: int) -> None:
    said = Watch(fps=fps).play(Camera(1).rest(180))
    assert all(said[:10])
    assert not any(said[max(4 * fps, 15) :])


@pytest.mark.parametrize("seconds", [5, 30])
@pytest.mark.parametrize("end", [0.5, 1.4])
def test_dusk_and_dawn_open_nothing(seconds: int, end: float) -> None:
    camera = Camera(3)
    watch = learned(camera)
    gains = np.linspace(1.0, end, seconds * FPS)
    assert not any(watch.play(camera.shoot(gain=float(gain)) for gain in gains))


@pytest.mark.parametrize("gain", [0.8, 0.9, 1.2])
def test_a_step_of_the_exposure_opens_nothing(gain: float) -> None:
    camera = Camera(3)
    watch = learned(camera)
    assert not any(watch.play(camera.shoot(gain=gain) for _ in range(40)))


def lamp() -> Floats:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    spot = np.exp(-((columns - 200) ** 2 + (rows - 120) ** 2) / (2 * 50.0**2))
    return np.asarray(1 + 0.8 * spot, np.float32)


@pytest.mark.parametrize(
    "change",
    ["a lamp", "a flash", "another view", "a push", "night vision"],
)
def test_after_another_picture_there_are_looks_until_it_is_known(change: str) -> None:
    camera = Camera(3)
    watch = learned(camera)
    light: Floats | float = lamp() if change == "a lamp" else 1.0
    if change == "a flash":
        watch.play([camera.shoot(gain=1.8)])
    elif change == "another view":
        camera.backdrop = Camera(9).backdrop
    elif change == "a push":
        camera.backdrop = np.roll(camera.backdrop, 7, 1)
    elif change == "night vision":
        camera.backdrop = 255 - camera.backdrop
    said = watch.play(camera.shoot(gain=light) for _ in range(80))
    assert said[0]
    assert not any(said[SETTLED:])


def test_a_camera_that_shakes_is_known_after_some_seconds() -> None:
    camera = Camera(3)
    watch = learned(camera)
    still = camera.backdrop
    said = []
    for _ in range(200):
        camera.backdrop = np.roll(still, int(camera.rng.integers(-1, 2)), 1)
        said += watch.play([camera.shoot()])
    assert not any(said[100:])


def leaves(frame: int) -> list[Thing]:
    """Thirty of them, that swing by three pixels."""
    return [
        Thing(40 + 8 * i + 3 * np.sin(frame / 2 + i), 60 + 9 * j, 6, 6, 25 * (-1) ** (i + j))
        for i in range(6)
        for j in range(5)
    ]


def test_leaves_become_usual_and_what_passes_beside_them_does_not() -> None:
    camera = Camera(3)
    watch = learned(camera)
    said = watch.play(camera.shoot(leaves(frame)) for frame in range(300))
    assert said[5]
    assert not any(said[200:])
    passing = ([*leaves(300 + k), Thing(150 + k, 200, 8, 24)] for k in range(10))
    assert delay(watch.play(camera.shoot(things) for things in passing)) <= 1


def test_nothing_is_learned_of_what_is_followed() -> None:
    camera = Camera(3)
    watch = learned(camera)
    assert all(watch.play((camera.shoot(leaves(k)) for k in range(300)), followed=True))
    assert all(watch.play(camera.shoot(leaves(k)) for k in range(300, 320)))


def draw_rain(camera: Camera, things: Sequence[Thing] = ()) -> Pixels:
    """Thirty streaks, as wide as a pixel of the network's input."""
    drops = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(30):
        x, y, length = camera.rng.integers((0, 0, 8), (SIDE, SIDE, 25)).tolist()
        cv2.line(drops, (x, y), (x + 2, y + length), 20, 1)
    return np.asarray(cv2.add(camera.shoot(things), cv2.merge([drops] * 3)), np.uint8)


def test_rain_becomes_usual_and_a_person_in_it_does_not() -> None:
    camera = Camera(3)
    watch = learned(camera)
    said = watch.play(draw_rain(camera) for _ in range(400))
    assert said[5]
    assert np.mean(said[200:]) < 0.2
    walk = (draw_rain(camera, [Thing(20 + k, 150, 8, 24)]) for k in range(20))
    assert delay(watch.play(walk)) <= 2


def test_what_was_there_from_the_beginning_and_leaves_is_forgotten_within_seconds() -> None:
    camera = Camera(3)
    watch = Watch()
    watch.play(camera.shoot([Thing(100, 100, 40, 90, 40)]) for _ in range(LEARNED))
    said = watch.play(camera.rest(100))
    assert said[0]
    assert not any(said[60:])


def test_motion_in_an_ignored_part_does_not_count() -> None:
    road: Polygon = ((0, 0.4), (1, 0.4), (1, 0.8), (0, 0.8))
    camera = Camera(3)
    watch = Watch(ignored=(road,))
    watch.play(camera.rest(LEARNED))
    truck = [Thing(9 * frame, 130, 90, 124, 60) for frame in range(20)]  # up to the edge
    assert not any(watch.play(camera.shoot([thing]) for thing in truck))
    assert delay(watch.play(camera.shoot([Thing(9 * k, 80, 30, 40)]) for k in range(5))) <= 1


# What is motion ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "px_per_s"),
    [((40, 100), 40), ((40, 100), 400), ((12, 36), 20), ((4, 12), 10), ((4, 12), 4)],
)
@pytest.mark.parametrize("noise", [2.0, 6.0])
def test_who_walks_in_opens_the_gate(size: tuple[int, int], px_per_s: float, noise: float) -> None:
    """Once a few pixels of him show, at the edge of the picture."""
    width, height = size
    camera = Camera(2, noise)
    watch = learned(camera)
    steps = [k * px_per_s / FPS - width for k in range(1, 100)]
    shown = next(k for k, x in enumerate(steps) if x + width >= min(4, width / 2))
    said = watch.play(camera.shoot([Thing(x, 150, width, height)]) for x in steps[: shown + 10])
    assert delay(said) <= shown + 2


@pytest.mark.parametrize("px_per_s", [4, 10])
def test_who_walks_far_away_is_looked_at_again_and_again(px_per_s: float) -> None:
    camera = Camera(2)
    watch = learned(camera)
    walk = (camera.shoot([Thing(100 + k * px_per_s / FPS, 150, 4, 12)]) for k in range(60))
    assert all(watch.play(walk)[3:])


def test_who_walks_at_night_opens_the_gate() -> None:
    camera = Camera(2, noise=6.0, brightness=0.3)
    watch = learned(camera)
    walk = (camera.shoot([Thing(100 + k, 150, 6, 20)]) for k in range(5))
    assert delay(watch.play(walk)) <= 1


def test_an_object_as_large_as_the_picture_opens_the_gate() -> None:
    camera = Camera(2)
    watch = learned(camera)
    bus = (camera.shoot([Thing(40 * k - 300, 20, 300, 280, 60)]) for k in range(1, 16))
    assert delay(watch.play(bus)) <= 1


# What does not depend on the picture ------------------------------------------------------------


@pytest.mark.parametrize("look_s", [0.5, 5.0])
def test_a_look_comes_at_least_so_often(look_s: float) -> None:
    camera = Camera(1)
    watch = Watch(look_s=look_s)
    watch.play(camera.rest(LEARNED))
    said = watch.play(camera.rest(160))
    looks = [frame for frame, is_open in enumerate(said) if is_open]
    assert len(looks) >= 3
    assert {after - before for before, after in pairwise(looks)} == {round(look_s * FPS)}


def test_the_gate_is_open_while_something_is_followed() -> None:
    camera = Camera(1)
    watch = learned(camera)
    assert all(watch.play(camera.rest(30), followed=True))
    assert not watch.play(camera.rest(1))[0]


def test_a_camera_that_begins_again_is_looked_at_until_it_is_known() -> None:
    camera = Camera(1)
    watch = learned(camera)
    watch.gate.forget()
    said = watch.play(camera.rest(60))
    assert all(said[:20])
    assert not any(said[SETTLED:])


def test_a_new_clock_may_begin_at_any_time() -> None:
    gate = Gate(WH, GateOptions(look_s=5.0))
    camera = Camera(1)
    for start_s in (1e6, 0.0):
        gate.forget()
        said = [gate.is_open(camera.shoot(), start_s + k / FPS, followed=False) for k in range(60)]
        assert all(said[:20])
        assert not all(said[SETTLED:])
