import pytest
import torch

from models.thundernet.pixel_input import PixelNetwork

pytestmark = pytest.mark.torch

MEAN, STD = (10.0, 20.0, 30.0), (2.0, 4.0, 5.0)


def test_each_colour_has_its_own_mean_and_deviation() -> None:
    images = torch.tensor([12.0, 16.0, 45.0]).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    found = PixelNetwork(MEAN, STD).normalize(images)
    assert found.shape == (2, 3, 4, 4)
    assert found[1, :, 2, 3].tolist() == [1.0, -1.0, 3.0]


def test_checkpoints_hold_both() -> None:
    saved = PixelNetwork(MEAN, STD).state_dict()
    other = PixelNetwork((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    other.load_state_dict(saved)
    assert other.pixel_mean.flatten().tolist() == list(MEAN)
    assert other.pixel_std.flatten().tolist() == list(STD)
