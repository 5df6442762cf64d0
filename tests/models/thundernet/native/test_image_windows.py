import pytest
import torch
from torch import Tensor

from models.data.augment import AugmentConfig, change_colours, cut_images
from models.thundernet.native import image_windows
from models.thundernet.native.library import library
from tests.models.thundernet.native.maps import random_map

pytestmark = pytest.mark.torch

FILL = torch.tensor([103.53, 116.28, 123.675]).view(1, 3, 1, 1)
# Inside, the whole, mirrored, around the image, beside it at each side, of one line, far away.
WINDOWS = torch.tensor(
    [
        [0.13, 0.2, 0.71, 0.6],
        [0.0, 0.0, 1.0, 1.0],
        [0.05, 0.1, 1.0, 0.9],
        [-0.7, -0.3, 1.4, 1.9],
        [1.5, 0.2, 2.5, 0.8],
        [-2.0, -1.0, -0.6, 2.0],
        [0.2, 1.001, 0.8, 1.7],
        [0.3, -2.0, 0.3, -0.004],
        [1e9, -3e9, 2e9, 4e9],
    ]
)
MIRRORED = torch.tensor([False, False, True, True, False, True, False, False, True])


def noise_images(height: int = 37, width: int = 53) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (len(WINDOWS), 3, height, width), generator=generator).byte()


@pytest.mark.parametrize("size", [1, 16, 70])
def test_windows_are_those_of_grid_sample(size: int) -> None:
    images = noise_images()
    assert image_windows.serves(images, FILL)
    cut = cut_images(images, WINDOWS, MIRRORED, size, FILL)
    assert cut.is_contiguous(memory_format=torch.channels_last)
    with library.disabled():
        usual = cut_images(images, WINDOWS, MIRRORED, size, FILL)
        exact = cut_images(images, WINDOWS.double(), MIRRORED, size, FILL.double())
    # Places are rounded to a part of a pixel, and noise has steps of 255 from one to the next.
    near = slice(0, -1)
    assert (cut - exact)[near].abs().max() <= 2 * (usual - exact)[near].abs().max() + 1e-3
    torch.testing.assert_close(cut[near].double(), exact[near], atol=0.02, rtol=0)
    assert torch.equal(cut[-1], FILL[0].expand_as(cut[-1]))


@pytest.mark.parametrize("side", [3, 61])
def test_colours_are_those_of_products_of_matrices(side: int) -> None:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(5, 3, side, side, generator=generator) * 255
    noise = torch.rand(5, 6, generator=generator)
    strong = AugmentConfig(contrast=0.9, brightness=120, saturation=0.9)
    expected = change_colours(images.double(), strong, noise.double())
    given = images.contiguous(memory_format=torch.channels_last)
    assert image_windows.serves_colours(given)
    changed = change_colours(given, strong, noise)
    assert changed.min() == 0  # it was held there
    assert changed.max() == 255
    torch.testing.assert_close(changed.double(), expected, atol=2e-3, rtol=0)


def test_windows_do_not_depend_on_the_threads() -> None:
    images, before = noise_images(), torch.get_num_threads()

    def run(threads: int) -> Tensor:
        torch.set_num_threads(threads)
        cut = cut_images(images, WINDOWS, MIRRORED, 40, FILL)
        return change_colours(cut, AugmentConfig(), torch.full((len(cut), 6), 0.8))

    try:
        assert torch.equal(run(1), run(3))
    finally:
        torch.set_num_threads(before)


def test_other_images_are_left_to_torch() -> None:
    images = noise_images()
    assert not image_windows.serves(images.float(), FILL)
    assert not image_windows.serves(images[..., ::2], FILL)
    assert not image_windows.serves(images, FILL.double())
    assert not image_windows.serves_colours(images.float())  # channels first


@pytest.mark.parametrize("side", [1, 5, 64])
def test_colours_are_normalised_as_by_torch(side: int) -> None:
    images = random_map(3, side, images=2)
    mean, deviation = torch.tensor([10.0, 20.0, 30.0]), torch.tensor([2.0, 4.0, 5.0])
    expected = (images - mean.view(1, 3, 1, 1)) / deviation.view(1, 3, 1, 1)
    found = image_windows.normalise_colours(images, mean, deviation)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)
