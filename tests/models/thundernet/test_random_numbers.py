import pytest
import torch

from models.thundernet.random_numbers import uniform

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")


def test_numbers_follow_from_the_generator() -> None:
    first, again = (uniform((50, 2), torch.Generator().manual_seed(3), CPU) for _ in range(2))
    other = uniform((50, 2), torch.Generator().manual_seed(4), CPU)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert 0 <= first.min() < first.max() < 1


def test_the_generator_need_not_be_on_the_device() -> None:
    assert uniform((4,), torch.Generator(), torch.device("meta")).device.type == "meta"
