import numpy as np
import pytest

from stages.kernels.gating.relief import Blocks, Relief
from stages.kernels.pixels import Pixels
from tests.stages.kernels.gating.film import SIDE, Camera, Floats, Thing


def read(picture: Pixels) -> Blocks:
    relief = Relief((picture.shape[1], picture.shape[0]))
    out = np.empty(relief.shape, np.float32)
    relief.read(picture, out)
    return out


def changes(before: Pixels, after: Pixels) -> tuple[float, float]:
    """The largest difference of the reliefs, and that of the brightness of the pixels."""
    relief = np.abs(read(after) - read(before))
    return float(relief.max()), float(np.abs(after.astype(int) - before).max())


@pytest.mark.parametrize("gain", [0.7, 0.9, 1.2])
def test_light_changes_little_and_an_object_much(gain: float) -> None:
    camera = Camera(noise=0.0)
    shade = np.linspace(1.0, gain, SIDE, dtype=np.float32)[None].repeat(SIDE, 0)
    lights: list[float | Floats] = [gain, shade]
    for light in lights:
        relief, brightness = changes(camera.shoot(), camera.shoot(gain=light))
        assert relief < 0.3 * brightness
    relief, brightness = changes(camera.shoot(), camera.shoot([Thing(100, 100, 12, 12)]))
    assert relief > 0.6 * brightness


def test_a_flat_picture_has_none() -> None:
    for level in (0, 100, 255):
        assert np.allclose(read(np.full((SIDE, SIDE, 3), level, np.uint8)), 0, atol=1e-3)


@pytest.mark.parametrize("size", [(64, 64), (320, 192), (97, 41), (3, 2)])
def test_any_size_has_blocks(size: tuple[int, int]) -> None:
    width, height = size
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)
    assert read(picture).shape == (max(height // 4, 1), max(width // 4, 1))
    assert np.isfinite(read(picture)).all()
